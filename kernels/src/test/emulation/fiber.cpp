#include "fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vector>

namespace emulation {

char* stack_of(int i) {
  static std::vector<char*> stacks;
  constexpr size_t kGuard = 4096;
  while (static_cast<size_t>(i) >= stacks.size()) {
    void* memory = mmap(nullptr, kStackBytes + kGuard, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, kGuard, PROT_NONE) != 0) {
      fprintf(stderr, "emulation: no memory for the stacks of the threads of a block\n");
      abort();
    }
    stacks.push_back(static_cast<char*>(memory) + kGuard);
  }
  return stacks[i];
}

#if defined(__x86_64__) && !defined(TARTAN_UCONTEXT)

extern "C" void tartan_emulation_change(void** from, void* to);
__asm__(R"(
  .text
  .p2align 4
  .hidden tartan_emulation_change
  .globl tartan_emulation_change
  .type tartan_emulation_change, @function
tartan_emulation_change:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size tartan_emulation_change, .-tartan_emulation_change
)");

void prepare(Context* context, int stack, void (*entry)()) {
  // Tops at different distances from a page: else all stacks would share the same lines of the cache.
  char* end = stack_of(stack) + kStackBytes - stack * 192 % 8192;
  void** top = reinterpret_cast<void**>(end) - 8;
  for (int i = 0; i < 6; i++) top[i] = nullptr;
  top[6] = reinterpret_cast<void*>(entry);
  top[7] = nullptr;
  context->top = top;
}

void change(Context* from, Context* to) { tartan_emulation_change(&from->top, to->top); }

#else

void prepare(Context* context, int stack, void (*entry)()) {
  getcontext(&context->state);
  context->state.uc_stack.ss_sp = stack_of(stack);
  context->state.uc_stack.ss_size = kStackBytes;
  context->state.uc_link = nullptr;
  makecontext(&context->state, entry, 0);
}

void change(Context* from, Context* to) { swapcontext(&from->state, &to->state); }

#endif

}  // namespace emulation
