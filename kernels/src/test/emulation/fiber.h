// Stacks between which the machine switches: by a few instructions on x86-64, by ucontext elsewhere or
// with TARTAN_UCONTEXT.
#ifndef TARTAN_EMULATION_FIBER_H
#define TARTAN_EMULATION_FIBER_H

#include <stddef.h>

#if !defined(__x86_64__) || defined(TARTAN_UCONTEXT)
#include <ucontext.h>
#endif

namespace emulation {

// Where a stack was left.
struct Context {
#if defined(__x86_64__) && !defined(TARTAN_UCONTEXT)
  void* top = nullptr;
#else
  ucontext_t state;
#endif
};

constexpr size_t kStackBytes = 128 << 10;

// The stack of number `i`, with a page below it that may not be touched; the same one at every call.
char* stack_of(int i);

// Makes a context that starts in entry(); entry must not return.
void prepare(Context* context, int stack, void (*entry)());

// Leaves the running stack in *from and goes on where `to` was left.
void change(Context* from, Context* to);

}  // namespace emulation

#endif
