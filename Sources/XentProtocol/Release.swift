/// The version of xentd: daemon, tools and library are released together.
package let releaseVersion = "0.1.0"
