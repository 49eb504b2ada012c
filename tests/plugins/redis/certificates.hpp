// Certificates for tests of TLS, made by openssl: NAME.crt and NAME.key in a folder of their own.
#pragma once

#include "private_server.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

// An authority, and what it and another one have signed.
class Certificates {
 public:
  Certificates() {
    authority("ca");
    authority("other-ca");
    certificate("server", "ca", "IP:127.0.0.1,DNS:localhost,DNS:cache.example", 2);
    certificate("elsewhere", "ca", "DNS:elsewhere.example", 2);
    certificate("expired", "ca", "IP:127.0.0.1", -1);
    certificate("client", "ca", "DNS:client", 2);
  }
  std::string file(const std::string& name) const { return folder_ / name; }

 private:
  void run(const std::string& command) const {
    const std::string quiet = "cd " + folder_.path().string() + " && " + command + " 2>>log";
    if (std::system(quiet.c_str()) != 0) throw std::runtime_error(command);
  }
  void authority(const std::string& name) const {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        name + " -keyout " + name + ".key -out " + name + ".crt");
  }
  void certificate(const std::string& name, const std::string& by, const std::string& names,
                   int days) const {
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
        " -keyout " + name + ".key -out " + name + ".csr");
    run("printf 'subjectAltName=" + names + "' > " + name + ".ext");
    run("openssl x509 -req -in " + name + ".csr -CA " + by + ".crt -CAkey " + by +
        ".key -CAcreateserial -days " + std::to_string(days) + " -extfile " + name + ".ext -out " +
        name + ".crt");
  }
  PrivateFolder folder_;
};
