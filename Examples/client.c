/* A client of xentd in C: one batch of two rows of three classes, its mean loss and the loss of each row.
 *
 *     cc -o client Examples/client.c -lzmq && ./client ipc:///run/xentd/xentd.sock
 *
 * Documentation/protocol.md has every byte. The machine must be little-endian, as the wire is. This client sends one batch
 * and waits; one that sends many keeps each until its result is there, sends it again if that does not come, and polls both
 * ways instead of blocking. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { HEADER_SIZE = 96, RESULT_SIZE = 160, BATCH = 1, F32 = 1, INTEGER = 1, I64 = 18, LOSSES = 1 };

/* The fields that this client sets; all others stay 0. The offsets are those of the protocol, without padding. */
struct request_header {
  char magic[4];
  uint8_t version, type;
  uint16_t header_size;
  uint64_t sequence;
  uint8_t client_id[16];
  uint32_t rows, classes;
  uint8_t logits_type, label_kind, label_type, top_k;
  uint32_t flags;
  uint8_t options[HEADER_SIZE - 48];
};
_Static_assert(sizeof(struct request_header) == HEADER_SIZE, "the header has 96 bytes");

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, zmq_strerror(errno));
  return 1;
}

/* Prints what the daemon answered; the bytes need not be aligned, so they are copied. */
static int report(const uint8_t *bytes, size_t size, uint32_t rows) {
  uint16_t status;
  double mean;
  float loss;
  if (size < RESULT_SIZE || memcmp(bytes, "XENT", 4) != 0) {
    fprintf(stderr, "not a result: %zu bytes\n", size);
    return 1;
  }
  memcpy(&status, bytes + 40, sizeof status);
  if (status != 0) {
    fprintf(stderr, "refused with status %d: %.*s\n", status, (int)(size - RESULT_SIZE), (const char *)bytes + RESULT_SIZE);
    return 1;
  }
  if (size < RESULT_SIZE + rows * sizeof loss) {
    fprintf(stderr, "not a result of %u rows: %zu bytes\n", rows, size);
    return 1;
  }
  memcpy(&mean, bytes + 64, sizeof mean);
  printf("mean loss %.6f, losses", mean);
  for (uint32_t row = 0; row < rows; row++) {
    memcpy(&loss, bytes + RESULT_SIZE + row * sizeof loss, sizeof loss);
    printf(" %.6f", loss);
  }
  printf("\n");
  return 0;
}

int main(int argc, char **argv) {
  const float logits[2][3] = {{2.0f, 1.0f, 0.1f}, {0.5f, 2.5f, 0.3f}};
  const int64_t labels[2] = {0, 1};
  struct request_header header = {
      .magic = {'X', 'E', 'N', 'T'}, .version = 1, .type = BATCH, .header_size = HEADER_SIZE, .sequence = 1,
      .client_id = "a client's uuid", .rows = 2, .classes = 3, .logits_type = F32, .label_kind = INTEGER, .label_type = I64,
      .flags = LOSSES};
  const int linger = 0, patience = 10000; /* milliseconds */

  void *context = zmq_ctx_new();
  void *socket = zmq_socket(context, ZMQ_DEALER);
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
  zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
  int status = 1;
  zmq_msg_t result;
  zmq_msg_init(&result);
  if (zmq_connect(socket, argc > 1 ? argv[1] : "ipc:///run/xentd/xentd.sock") != 0) {
    fail("connect");
  } else if (
      zmq_send(socket, &header, sizeof header, ZMQ_SNDMORE) < 0 ||
      zmq_send(socket, logits, sizeof logits, ZMQ_SNDMORE) < 0 || zmq_send(socket, labels, sizeof labels, 0) < 0) {
    fail("send");
  } else if (zmq_msg_recv(&result, socket, 0) < 0) {
    fail("no answer within 10 s: is a daemon running there?");
  } else {
    status = report(zmq_msg_data(&result), zmq_msg_size(&result), header.rows);
  }
  zmq_msg_close(&result);
  zmq_close(socket);
  zmq_ctx_term(context);
  return status;
}
