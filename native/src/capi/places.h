// Where Java and the engine are on this machine.
#ifndef TARTAN_CAPI_PLACES_H
#define TARTAN_CAPI_PLACES_H

#include <string>

namespace tartan::capi {

// The path of libjvm of a Java 25 or later. `home` is the one that was asked for; NULL to look for one.
// Throws Error.
std::string find_libjvm(const char* home);

// The class path of the engine. `given` is a folder of jars or a class path; NULL to look for it. Throws
// Error.
std::string find_engine(const char* given);

}  // namespace tartan::capi

#endif
