#include "capi/places.h"

#include <dirent.h>
#include <dlfcn.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "capi/error.h"
#include "tartan.h"

namespace tartan::capi {

namespace {

constexpr int kOldestJava = 25;

#if defined(__APPLE__)
constexpr const char* kLibjvm = "/lib/server/libjvm.dylib";
#else
constexpr const char* kLibjvm = "/lib/server/libjvm.so";
#endif

// Value of an environment variable; empty if it is not set.
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_folder(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// The path behind all links; as it was if there is none.
std::string real(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  const std::string found = resolved ? resolved : path;
  std::free(resolved);
  return found;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  size_t first = 0;
  while (first <= list.size()) {
    const size_t end = std::min(list.find(':', first), list.size());
    if (end > first) parts.push_back(list.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

// The version of the Java at a home, of which its file `release` has a line; 0 if there is none.
int java_version(const std::string& home) {
  FILE* release = std::fopen((home + "/release").c_str(), "r");
  if (!release) return 0;
  int version = 0;
  char line[8192];
  while (version == 0 && std::fgets(line, sizeof line, release)) {
    std::sscanf(line, "JAVA_VERSION=\"%d", &version);
  }
  std::fclose(release);
  return version;
}

// Why a home does not serve; empty if it does.
std::string problem(const std::string& home) {
  const int version = java_version(home);
  if (version == 0) return "no Java is there";
  if (version < kOldestJava) return "that is Java " + std::to_string(version);
  return exists(home + kLibjvm) ? "" : "it has no " + std::string(kLibjvm + 1);
}

std::string required(const std::string& source, const std::string& home) {
  const std::string why = problem(home);
  if (!why.empty()) {
    throw Error{TARTAN_ERROR_JAVA, source + " is " + home + ": " + why + "; Java 25 or later is needed"};
  }
  return home + kLibjvm;
}

// The home of the `java` that a shell would start; empty if there is none.
std::string java_on_path() {
  for (const std::string& folder : split(environment("PATH"))) {
    const std::string java = folder + "/java";
    if (access(java.c_str(), X_OK) == 0) return folder_of(folder_of(real(java)));
  }
  return "";
}

std::vector<std::string> usual_homes() {
  const std::string own = environment("HOME");
  std::vector<std::string> homes;
  for (const std::string& pattern :
       {std::string("/usr/lib/jvm/*25*"), std::string("/opt/*jdk*25*"), own + "/.sdkman/candidates/java/25*",
        own + "/.jdks/*25*", std::string("/Library/Java/JavaVirtualMachines/*25*/Contents/Home")}) {
    glob_t found;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      homes.insert(homes.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
      globfree(&found);
    }
  }
  return homes;
}

// The jars of a folder as a class path, by name; empty if it has none.
std::string jars_of(const std::string& folder) {
  std::vector<std::string> jars;
  if (DIR* open = opendir(folder.c_str())) {
    while (const dirent* entry = readdir(open)) {
      const std::string name = entry->d_name;
      if (name.size() > 4 && name.compare(name.size() - 4, 4, ".jar") == 0) jars.push_back(name);
    }
    closedir(open);
  }
  std::sort(jars.begin(), jars.end());
  std::string path;
  for (const std::string& jar : jars) path += (path.empty() ? "" : ":") + folder + "/" + jar;
  return path;
}

std::string own_folder() {
  Dl_info facts;
  const bool known = dladdr(reinterpret_cast<void*>(&tartan_version), &facts) != 0 && facts.dli_fname;
  return known ? folder_of(real(facts.dli_fname)) : ".";
}

}  // namespace

std::string find_libjvm(const char* home) {
  if (home) return required("java_home", home);
  const std::string own = environment("TARTAN_JAVA_HOME");
  if (!own.empty()) return required("TARTAN_JAVA_HOME", own);
  std::string unfit;
  for (const auto& [source, place] : {std::pair(std::string("JAVA_HOME"), environment("JAVA_HOME")),
                                      {"java on the PATH", java_on_path()}}) {
    if (!place.empty()) {
      const std::string why = problem(place);
      if (why.empty()) return place + kLibjvm;
      unfit += (unfit.empty() ? " (" : "; ") + source + " is " + place + ": " + why;
    }
  }
  for (const std::string& usual : usual_homes()) {
    if (problem(usual).empty()) return usual + kLibjvm;
  }
  throw Error{TARTAN_ERROR_JAVA, "no Java 25 was found; install one and set TARTAN_JAVA_HOME to it" + unfit +
                                     (unfit.empty() ? "" : ")")};
}

std::string find_engine(const char* given) {
  const std::string asked = given ? given : environment("TARTAN_JAR");
  if (asked.empty()) {
    const std::string folder = own_folder() + "/tartan";
    const std::string jars = jars_of(folder);
    if (!jars.empty()) return jars;
    throw Error{TARTAN_ERROR_JAVA,
                "no engine: " + folder + " has no jars; set TARTAN_JAR to the folder of Tartan's jars"};
  }
  if (is_folder(asked)) {
    const std::string jars = jars_of(asked);
    return jars.empty() ? asked : jars;  // a folder of classes
  }
  for (const std::string& part : split(asked)) {
    if (exists(part)) return asked;
  }
  throw Error{TARTAN_ERROR_JAVA,
              std::string(given ? "engine" : "TARTAN_JAR") + " is " + asked + ": nothing is there"};
}

}  // namespace tartan::capi
