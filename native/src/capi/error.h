// How the C ABI fails inside: by an exception that is caught where it would leave the library.
#ifndef TARTAN_CAPI_ERROR_H
#define TARTAN_CAPI_ERROR_H

#include <cstdint>
#include <string>
#include <utility>

namespace tartan::capi {

struct Error {
  int32_t code;
  std::string text;
};

}  // namespace tartan::capi

#endif
