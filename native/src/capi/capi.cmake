# libtartan: the C ABI of the whole engine (include/tartan.h), which it runs in a Java of the process. Only the
# header jni.h is needed to build it; libjvm is loaded when it runs.
find_program(TARTAN_JAVAC javac)
file(REAL_PATH "${TARTAN_JAVAC}" TARTAN_JAVAC_REAL)
cmake_path(GET TARTAN_JAVAC_REAL PARENT_PATH TARTAN_JAVAC_FOLDER)
file(GLOB TARTAN_JDKS /usr/lib/jvm/*/include)
find_path(TARTAN_JNI jni.h HINTS $ENV{TARTAN_JAVA_HOME}/include $ENV{JAVA_HOME}/include
          ${TARTAN_JAVAC_FOLDER}/../include PATHS ${TARTAN_JDKS})
if(NOT TARTAN_JNI)
  message(NOTICE "native: no jni.h of a JDK (JAVA_HOME), so libtartan is not built")
  return()
endif()

file(STRINGS pom.xml TARTAN_VERSION REGEX "<version>" LIMIT_COUNT 1)
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" TARTAN_VERSION "${TARTAN_VERSION}")

add_library(tartan SHARED src/capi/engine.cpp src/capi/jvm.cpp src/capi/places.cpp src/capi/tartan.cpp)
set_target_properties(tartan PROPERTIES VERSION ${TARTAN_VERSION} SOVERSION 1)
target_include_directories(tartan PRIVATE src ${TARTAN_JNI} ${TARTAN_JNI}/linux ${TARTAN_JNI}/darwin
                           PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                  $<INSTALL_INTERFACE:include>)
target_compile_definitions(tartan PRIVATE TARTAN_VERSION="${TARTAN_VERSION}")
target_compile_options(tartan PRIVATE -Wall -Wextra -Werror)
find_package(Threads REQUIRED)
target_link_libraries(tartan PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(tartan PRIVATE -static-libstdc++ -static-libgcc -Wl,--no-undefined -Wl,--exclude-libs,ALL)
endif()

include(CMakePackageConfigHelpers)
set(TARTAN_PACKAGE lib/cmake/tartan)
install(TARGETS tartan EXPORT tartan DESTINATION lib)
install(FILES include/tartan.h DESTINATION include)
install(EXPORT tartan FILE tartanConfig.cmake NAMESPACE tartan:: DESTINATION ${TARTAN_PACKAGE})
write_basic_package_version_file(tartanConfigVersion.cmake VERSION ${TARTAN_VERSION} COMPATIBILITY SameMajorVersion)
configure_file(src/capi/tartan.pc.in tartan.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tartanConfigVersion.cmake DESTINATION ${TARTAN_PACKAGE})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tartan.pc DESTINATION lib/pkgconfig)
# The engine, if it has been built: its jar and what a search needs of others.
install(CODE "file(GLOB jars \"${CMAKE_CURRENT_SOURCE_DIR}/../engine-java/target/tartan-[0-9]*.jar\"
                   \"${CMAKE_CURRENT_SOURCE_DIR}/../engine-java/target/capi/*.jar\")
              file(INSTALL \${jars} DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/tartan\")
              if(NOT jars)
                message(NOTICE \"native: the engine is not built; put its jars into lib/tartan, or set TARTAN_JAR\")
              endif()")
