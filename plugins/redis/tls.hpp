// TLS over a socket, with OpenSSL: hiredis 0.14 has none.
//
// The server's certificate is checked against the authorities and the name, unless the user said
// not to; what is wrong with it is in the error's text.
#pragma once

#include "settings.hpp"
#include "transport.hpp"

#include <memory>

namespace cairn::redis {

/// What all connections of one backend share. Errors: Error(config) that names the file.
std::shared_ptr<TlsContext> make_tls_context(const TlsSettings& settings);

/// Precondition: endpoint.tls is not null.
std::unique_ptr<Transport> make_tls_transport(const Endpoint& endpoint);

}  // namespace cairn::redis
