// Seeded defects: small kernels, each once whole and once broken, and what must be said of the broken one.
#ifndef TARTAN_TESTS_DEFECTS_H
#define TARTAN_TESTS_DEFECTS_H

#include <vector>

#include "machine.h"

namespace defects {

constexpr int kBlock = 128;
constexpr int kBlocks = 3;
constexpr int kValues = kBlock * kBlocks;

// What every one of these kernels takes. `in` holds kValues floats, `out` and `counts` as many, not yet
// written and zero.
struct DefectArguments {
  const float* in;
  float* out;
  int32_t* counts;
  const uint8_t* bytes;    // 1003
  const float* other;      // another allocation of kValues floats
  const float* freed;      // kValues floats, freed in the broken run
  const float* unwritten;  // kValues floats, of which the last one is not written in the broken run
};

struct Defect {
  const char* what;
  const char* kernel;  // its names are kernel_whole and kernel_broken
  emulation::Fault fault;
  const char* text;  // part of what must be said
  // What may be found before, in another order of the threads; else as above.
  emulation::Fault or_fault;
  const char* or_text;
};
const std::vector<Defect>& all();

// The name of a detector, for the table.
const char* detector_of(emulation::Fault fault);

struct Add {
  explicit Add(const Defect& defect);
};

}  // namespace defects

// DEFECT(kernel, what, fault, text) { body with kBroken and arguments }; DEFECT_OR has a second fault and
// text.
#define DEFECT_OR(kernel, what, fault, text, or_fault, or_text)                                        \
  template <bool kBroken>                                                                              \
  static void kernel##_body(const DefectArguments& arguments);                                         \
  TARTAN_KERNEL(kernel##_whole, defects::kBlock, DefectArguments) { kernel##_body<false>(arguments); } \
  TARTAN_KERNEL(kernel##_broken, defects::kBlock, DefectArguments) { kernel##_body<true>(arguments); } \
  static const defects::Add kernel##_add(                                                              \
      {what, #kernel, emulation::Fault::fault, text, emulation::Fault::or_fault, or_text});            \
  template <bool kBroken>                                                                              \
  static void kernel##_body([[maybe_unused]] const DefectArguments& arguments)
#define DEFECT(kernel, what, fault, text) DEFECT_OR(kernel, what, fault, text, fault, text)

#endif
