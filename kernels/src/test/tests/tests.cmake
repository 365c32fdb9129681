# The tests of the emulation and of the driver.
enable_testing()
set(TARTAN_TEST_FOLDERS src/main/cuda src/test/emulation ../native/test)

add_executable(emulation_tests
  src/test/tests/main.cpp
  src/test/tests/defects_memory.cpp
  src/test/tests/defects_order.cpp
  src/test/tests/test_defects.cpp
  src/test/tests/test_vocabulary.cpp
  $<TARGET_OBJECTS:emulation>)
target_include_directories(emulation_tests PRIVATE ${TARTAN_TEST_FOLDERS})
target_compile_definitions(emulation_tests PRIVATE TARTAN_EMULATED)
target_compile_options(emulation_tests PRIVATE ${TARTAN_FLAGS} ${TARTAN_KERNEL_FLAGS})
target_link_libraries(emulation_tests PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
add_test(NAME emulation COMMAND emulation_tests)

add_executable(driver_tests src/test/tests/main.cpp src/test/tests/test_driver.cpp)
target_include_directories(driver_tests PRIVATE ${TARTAN_TEST_FOLDERS})
target_compile_definitions(driver_tests PRIVATE TARTAN_EMULATED)
target_compile_options(driver_tests PRIVATE ${TARTAN_FLAGS})
target_link_libraries(driver_tests PRIVATE cuda Threads::Threads)
add_test(NAME driver COMMAND driver_tests)

add_library(traffic OBJECT src/test/tests/traffic.cpp)
target_include_directories(traffic PRIVATE ${TARTAN_TEST_FOLDERS})
target_compile_definitions(traffic PRIVATE TARTAN_EMULATED)
target_compile_options(traffic PRIVATE ${TARTAN_FLAGS})
foreach(program IN ITEMS traffic_tests count_traffic)
  add_executable(${program} $<TARGET_OBJECTS:traffic> $<TARGET_OBJECTS:emulation> $<TARGET_OBJECTS:kernels>)
  target_include_directories(${program} PRIVATE ${TARTAN_TEST_FOLDERS})
  target_compile_options(${program} PRIVATE ${TARTAN_FLAGS})
  target_link_libraries(${program} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
endforeach()
target_sources(traffic_tests PRIVATE src/test/tests/main.cpp src/test/tests/test_traffic.cpp)
target_sources(count_traffic PRIVATE src/test/tests/count_traffic.cpp)
add_test(NAME traffic COMMAND traffic_tests)
