// What the user said, checked: the options of the component and the values that follow from them.
#pragma once

#include "address.hpp"

#include <cairn/options.hpp>

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace cairn::redis {

enum class Mode { standalone, sentinel, cluster };

struct Login {
  std::string username;  // empty: the default user
  std::string password;  // empty: none
};

struct TlsSettings {
  bool on = false;
  std::string ca_file;    // empty: the system's
  std::string cert_file;  // empty: no client certificate
  std::string key_file;
  std::string server_name;  // empty: the host that we connect to
  bool verify = true;
};

struct Settings {
  Mode mode = Mode::standalone;
  std::vector<Address> servers;  // one | the sentinels | nodes of the cluster to start from
  std::string service;           // sentinel: what the master is called
  bool read_from_replica = false;
  int db = 0;
  Login login;
  Login sentinel_login;
  TlsSettings tls;

  std::chrono::nanoseconds ttl{0};  // 0: for ever
  std::chrono::nanoseconds connect_timeout{};
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds retry_after{};
  std::chrono::nanoseconds retry_after_at_most{};
  bool keepalive = true;
  int connections = 1;  // to each server, at most
  std::string lock_prefix;
};

inline constexpr std::array option_list{
    Option("url", "text")
        .secret()
        .help("redis://[[user]:password@]host[:port][/db], rediss://... for TLS, or "
              "unix:///path?db=N."),
    Option("host", "text").help("Instead of `url`: the server; localhost if neither is given."),
    Option("port", "int").range("1", "65535").help("With `host`; 6379 if not given."),
    Option("db", "int").range("0", "2147483647").help("The database; 0 if not given."),
    Option("username", "text").help("Who logs in; the server's default user if not given."),
    Option("password", "text").secret().help("Their password."),
    Option("password_file", "path").help("A file whose first line is the password."),
    Option("mode", "enum:standalone|sentinel|cluster")
        .defaults_to("standalone")
        .help("One server, a master that sentinels watch, or a cluster."),
    Option("sentinels", "list:text").help("mode = \"sentinel\": where they are, as host:port."),
    Option("service", "text")
        .help("mode = \"sentinel\": the name of the master; mymaster if not given."),
    Option("sentinel_username", "text").help("mode = \"sentinel\": who logs in to the sentinels."),
    Option("sentinel_password", "text").secret().help("mode = \"sentinel\": their password."),
    Option("nodes", "list:text")
        .help("mode = \"cluster\": some of its nodes, as host:port; the others are found."),
    Option("read_from", "enum:master|replica")
        .defaults_to("master")
        .help("Where get looks; replicas may be behind, locks always use the master."),
    Option("ttl", "duration")
        .defaults_to("0")
        .help("How long the server keeps what is stored without a time of its own; 0: for ever."),
    Option("connect_timeout", "duration")
        .defaults_to("1s")
        .range("1ms", "10m")
        .help("Longest time to connect and log in."),
    Option("timeout", "duration")
        .defaults_to("1s")
        .range("1ms", "10m")
        .help("Longest time that one call waits for its answer."),
    Option("retry_after", "duration")
        .defaults_to("100ms")
        .range("1ms", "10m")
        .help("After a failure: how long the server is left alone; doubled with each further "
              "failure."),
    Option("retry_after_at_most", "duration")
        .defaults_to("2s")
        .range("1ms", "1h")
        .help("Where the doubling of `retry_after` ends."),
    Option("keepalive", "bool").defaults_to("true").help("TCP keepalive."),
    Option("max_connections", "int")
        .defaults_to("2")
        .range("1", "64")
        .help("Connections to each server; callers share them."),
    Option("lock_prefix", "text")
        .defaults_to("_lock")
        .help("Put in front of a key to name its creation lock."),
    Option("tls", "bool").defaults_to("false").help("TLS, as rediss:// in a url says."),
    Option("ca_file", "path").help("TLS: whom to trust; the system's authorities if not given."),
    Option("cert_file", "path").help("TLS: our certificate, if the server asks for one."),
    Option("key_file", "path").help("TLS: the key of `cert_file`."),
    Option("server_name", "text")
        .help("TLS: the name in the server's certificate; the host if not given."),
    Option("verify", "bool")
        .defaults_to("true")
        .help("TLS: whether the server's certificate must be right. false is for experiments."),
};

/// Errors: Error(config) that names the option, and what to do.
Settings read_settings(const Options& options);

}  // namespace cairn::redis
