#include "tls.hpp"

#include <cairn/error.hpp>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>

namespace cairn::redis {

class TlsContext {
 public:
  explicit TlsContext(const TlsSettings& tls);
  const TlsSettings settings;
  SSL_CTX* ssl() const noexcept { return ssl_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> ssl_;
};

namespace {

// What OpenSSL complained about: first the system's reason, if it has one.
std::string complaint() {
  const unsigned long first = ERR_peek_error();
  // The last one of a file that is no PEM says no more than that.
  const bool is_pem = ERR_GET_LIB(first) == ERR_LIB_PEM;
  const char* text = ERR_SYSTEM_ERROR(first)
                         ? std::strerror(ERR_GET_REASON(first))
                         : ERR_reason_error_string(is_pem ? first : ERR_peek_last_error());
  ERR_clear_error();
  return text != nullptr ? text : "unknown reason";
}

const char* advice_about(int reason) noexcept {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER: return ": does it speak TLS at this port?";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return ": give `cert_file` and `key_file`";
    default: return "";
  }
}

bool is_ip_address(const std::string& host) noexcept {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, so that a closed connection would kill the
// program. Ours goes on top of the socket's descriptor and never signals.
int fd_of(BIO* bio) noexcept {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

BIO_METHOD* quiet_socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "quiet socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write(made, [](BIO* bio, const char* bytes, int size) {
      BIO_clear_retry_flags(bio);
      const ssize_t sent =
          send(fd_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
      return static_cast<int>(sent);
    });
    BIO_meth_set_read(made, [](BIO* bio, char* bytes, int size) {
      BIO_clear_retry_flags(bio);
      const ssize_t got = recv(fd_of(bio), bytes, static_cast<std::size_t>(size), MSG_DONTWAIT);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
      return static_cast<int>(got);
    });
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method;
}

class TlsTransport final : public Transport {
 public:
  explicit TlsTransport(const Endpoint& endpoint)
      : Transport(endpoint),
        context_(endpoint.tls),
        name_(context_->settings.server_name.empty() ? endpoint.address.host
                                                     : context_->settings.server_name),
        ssl_(SSL_new(context_->ssl())) {
    if (ssl_ == nullptr) throw std::bad_alloc();
    if (is_ip_address(name_)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name_.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), name_.c_str());
      SSL_set1_host(ssl_.get(), name_.c_str());
    }
  }

  bool open() override {
    if (open_) return true;
    if (!socket_.connected()) {
      wants_ = Interest::write;
      return false;
    }
    if (SSL_get_rbio(ssl_.get()) == nullptr) attach();
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) {
      open_ = true;
      return true;
    }
    if (!must_wait(result)) fail_handshake(result);
    return false;
  }

  std::size_t write(const char* bytes, std::size_t size) override {
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), bytes, limited(size));
    if (result > 0) return static_cast<std::size_t>(result);
    if (!must_wait(result)) fail("write", result);
    return 0;
  }

  std::size_t read(char* bytes, std::size_t size) override {
    ERR_clear_error();
    const int result = SSL_read(ssl_.get(), bytes, limited(size));
    if (result > 0) {
      heard_ = true;
      return static_cast<std::size_t>(result);
    }
    if (!must_wait(result)) fail("read", result);
    return 0;
  }

  Interest wants() const noexcept override { return wants_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };
  void attach() {
    BIO* bio = BIO_new(quiet_socket_method());
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd())));
    SSL_set_bio(ssl_.get(), bio, bio);  // takes it over
  }
  static int limited(std::size_t size) noexcept {
    return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
  }

  bool must_wait(int result) noexcept {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ: wants_ = Interest::read; return true;
      case SSL_ERROR_WANT_WRITE: wants_ = Interest::write; return true;
      default: return false;
    }
  }

  [[noreturn]] void fail(const char* doing, int result) {
    const int system_error = errno;
    const bool at_end = SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN;
    if (!at_end && ERR_peek_last_error() != 0) {
      const char* const advice = advice_about(ERR_GET_REASON(ERR_peek_last_error()));
      throw Error(Errc::unavailable, std::string("TLS ") + doing + ": " + complaint() + advice);
    }
    std::string what = "the server closed the connection";
    if (open_ && !heard_) {
      what += ", before it said anything: does it want another certificate of ours (`cert_file`)?";
    }
    throw Error(Errc::unavailable, what, at_end ? 0 : system_error);
  }

  [[noreturn]] void fail_handshake(int result) {
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict != X509_V_OK && context_->settings.verify) {
      ERR_clear_error();
      throw Error(Errc::rejected, std::string("the server's certificate is refused: ") +
                                      X509_verify_cert_error_string(verdict) +
                                      advice_about_certificate(verdict));
    }
    fail("handshake", result);
  }

  std::string advice_about_certificate(long verdict) const {
    switch (verdict) {
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return ": it is not for `" + name_ + "`; another name can be given as `server_name`";
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return ": give whom to trust as `ca_file`";
      default: return "";
    }
  }

  const std::shared_ptr<TlsContext> context_;
  const std::string name_;  // that the server's certificate must have
  std::unique_ptr<SSL, Free> ssl_;
  Interest wants_ = Interest::write;
  bool open_ = false;
};

}  // namespace

TlsContext::TlsContext(const TlsSettings& tls)
    : settings(tls), ssl_(SSL_CTX_new(TLS_client_method())) {
  if (ssl_ == nullptr) throw std::bad_alloc();
  SSL_CTX* context = ssl_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A write that waits to read would keep the driver awake until it has.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  // Whoever continues a write owns the same bytes, but perhaps at another address.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, tls.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  ERR_clear_error();
  const auto check = [](bool good, const std::string& what) {
    if (!good) throw Error(Errc::config, what + ": " + complaint());
  };
  const auto check_file = [&](bool good, const char* option, const std::string& path,
                              const char* expected) {
    if (good) return;
    const bool is_read = !ERR_SYSTEM_ERROR(ERR_peek_error());
    const std::string what =
        is_read ? std::string("expected ") + expected + " in " : "cannot read ";
    check(false, std::string(option) + ": " + what + path);
  };
  if (tls.ca_file.empty()) {
    check(SSL_CTX_set_default_verify_paths(context) == 1, "the system's certificate authorities");
  } else {
    check_file(SSL_CTX_load_verify_locations(context, tls.ca_file.c_str(), nullptr) == 1,
               "`ca_file`", tls.ca_file, "certificates in PEM");
  }
  if (!tls.cert_file.empty()) {
    check_file(SSL_CTX_use_certificate_chain_file(context, tls.cert_file.c_str()) == 1,
               "`cert_file`", tls.cert_file, "a certificate in PEM");
    check_file(SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM) == 1,
               "`key_file`", tls.key_file, "the key of `cert_file` in PEM");
    check(SSL_CTX_check_private_key(context) == 1, "`key_file` does not belong to `cert_file`");
  }
}

std::shared_ptr<TlsContext> make_tls_context(const TlsSettings& settings) {
  return settings.on ? std::make_shared<TlsContext>(settings) : nullptr;
}

std::unique_ptr<Transport> make_tls_transport(const Endpoint& endpoint) {
  return std::make_unique<TlsTransport>(endpoint);
}

}  // namespace cairn::redis
