// Seeded defects of global and shared memory and of asynchronous copies.
#include "defects.h"
#include "tartan.cuh"

using defects::DefectArguments;
using defects::kBlock;
using defects::kBlocks;
using defects::kValues;

namespace {

int global_thread() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }

}  // namespace

DEFECT(past_end, "reads one element past the end of a global array", kAddress,
       "out of the bounds of the allocation") {
  const View<const float> in(arguments.in);
  const int i = global_thread();
  View<float>(arguments.out)[i] = in[kBroken ? i + 1 : (i + 1) % kValues];
}

DEFECT(before_start, "writes one element before the start of a global array", kAddress,
       "element -1, out of the bounds") {
  const int i = global_thread();
  View<float>(arguments.out)[kBroken ? i - 1 : i] = 1;
}

DEFECT(past_byte, "reads a word of which the last byte lies past the end", kAddress,
       "allocation of 1003 bytes") {
  load_as<uint32_t>(View<const uint8_t>(arguments.bytes), kBroken ? 1000 : 996);
}

DEFECT(other_array, "reaches from one array into another", kAddress, "out of the bounds of the allocation") {
  const View<const float> in(arguments.in);
  const int64_t apart = arguments.other - arguments.in;
  const float x = kBroken ? in[apart] : View<const float>(arguments.other)[0];
  if (threadIdx.x == 0) View<float>(arguments.out)[blockIdx.x] = x;
}

DEFECT(freed, "reads an array that was freed", kAddress, "after it was freed") {
  const View<const float> freed(arguments.freed);
  View<float>(arguments.out)[global_thread()] = freed[global_thread()];
}

DEFECT(nowhere, "follows a null pointer", kAddress, "lies in no allocation") {
  const View<const float> in(kBroken ? nullptr : arguments.in);
  View<float>(arguments.out)[global_thread()] = in[global_thread()];
}

DEFECT(misaligned_vector, "loads a uint4 from an element that is not a multiple of four", kMisaligned,
       "not a multiple of 16") {
  const View<const float> in(arguments.in);
  const uint4 four = load_as<uint4>(in, kBroken ? 2 : 4);
  if (threadIdx.x == 0) View<float>(arguments.out)[blockIdx.x] = float_of(four.x);
}

DEFECT(misaligned_element, "reads a float at an odd address", kMisaligned, "not a multiple of 4") {
  const View<const float> words(reinterpret_cast<const float*>(arguments.bytes + (kBroken ? 1 : 4)));
  const float x = words[0];
  if (threadIdx.x == 0) View<float>(arguments.out)[blockIdx.x] = x;
}

DEFECT(unwritten_global, "reads a global element that nobody wrote", kUnwritten,
       "reads what nobody has written") {
  const View<const float> values(arguments.unwritten);
  View<float>(arguments.out)[global_thread()] = values[global_thread()];
}

DEFECT(unwritten_shared, "reads a shared element that nobody wrote", kUnwritten,
       "of the shared array 'room'") {
  TARTAN_SHARED(float, room, kBlock);
  if (!kBroken || threadIdx.x != 77) room[threadIdx.x] = 1;
  sync_block();
  View<float>(arguments.out)[global_thread()] = room[(threadIdx.x + 1) % kBlock];
}

DEFECT(shared_index, "writes one element past a shared array", kAddress, "shared array 'room' of 512 bytes") {
  TARTAN_SHARED(float, room, kBlock);
  TARTAN_SHARED(float, beside, kBlock);
  beside[threadIdx.x] = 0;
  room[kBroken ? threadIdx.x + 1 : threadIdx.x] = 1;
}

DEFECT(dynamic_index, "reaches past the dynamic shared memory of the launch", kAddress,
       "dynamic shared memory of 1024 bytes") {
  TARTAN_DYNAMIC_SHARED(float, room);
  room[kBroken ? 2 * threadIdx.x + 2 : 2 * threadIdx.x] = 1;
}

DEFECT(too_much_shared, "has more static shared memory than a block may have", kShared,
       "more than 49152 bytes") {
  TARTAN_SHARED(float, room, 12 * 1024 + (kBroken ? 1 : 0) - 256);
  TARTAN_SHARED(float, beside, 256);
  room[threadIdx.x] = 1;
  beside[threadIdx.x] = 1;
}

namespace {

// Brings four floats of the block for each thread below a quarter of it.
template <class T>
void bring(View<T> room, const DefectArguments& arguments) {
  if (threadIdx.x < kBlock / 4) {
    copy_async<16>(room, 4 * threadIdx.x, View<const float>(arguments.in),
                   kBlock * blockIdx.x + 4 * threadIdx.x);
  }
  commit_async();
}

}  // namespace

DEFECT(no_wait, "reads the target of copy_async without wait_async", kUnwritten, "reads what") {
  TARTAN_SHARED(float4, room, kBlock / 4);
  const View<float> floats(reinterpret_cast<float*>(room.p));
  bring(floats, arguments);
  if (!kBroken) wait_async<0>();
  sync_block();
  View<float>(arguments.out)[global_thread()] = floats[threadIdx.x];
  wait_async<0>();
}

DEFECT(own_copy_early, "reads what its own copy_async has not yet brought", kUnwritten,
       "has not yet brought") {
  TARTAN_SHARED(float, room, kBlock);
  copy_async<4>(room, threadIdx.x, View<const float>(arguments.in), global_thread());
  commit_async();
  if (!kBroken) wait_async<0>();
  View<float>(arguments.out)[global_thread()] = room[threadIdx.x];
  wait_async<0>();
}

DEFECT(wait_for_less, "waits for one group of copies too few", kUnwritten, "has not yet brought") {
  TARTAN_SHARED(float, room, 2 * kBlock);
  for (int i = 0; i < 2; i++) {
    copy_async<4>(room, i * kBlock + threadIdx.x, View<const float>(arguments.in), global_thread());
    commit_async();
  }
  wait_async<1>();
  const float first = room[threadIdx.x];
  wait_async<kBroken ? 1 : 0>();
  const float second = room[kBlock + threadIdx.x];
  View<float>(arguments.out)[global_thread()] = first + second;
  wait_async<0>();
}

DEFECT_OR(copy_without_barrier,
          "reads what another thread's copy_async brought, with no barrier after its wait_async", kRace,
          "with no barrier between", kUnwritten, "reads what nobody has written") {
  TARTAN_SHARED(float4, room, kBlock / 4);
  const View<float> floats(reinterpret_cast<float*>(room.p));
  bring(floats, arguments);
  wait_async<0>();
  if (!kBroken) sync_block();
  View<float>(arguments.out)[global_thread()] = floats[threadIdx.x];
}

DEFECT(copy_over_readers, "starts copy_async into what others still read", kRace, "with no barrier between") {
  TARTAN_SHARED(float4, room, kBlock / 4);
  const View<float> floats(reinterpret_cast<float*>(room.p));
  bring(floats, arguments);
  wait_async<0>();
  sync_block();
  const float x = floats[(threadIdx.x + 64) % kBlock];
  if (!kBroken) sync_block();
  if (threadIdx.x == 5) copy_async<16>(floats, 64, View<const float>(arguments.in), 0);
  commit_async();
  wait_async<0>();
  View<float>(arguments.out)[global_thread()] = x;
}

DEFECT(misaligned_copy, "copies 16 bytes asynchronously to a place that is aligned to 4", kMisaligned,
       "not a multiple of 16") {
  TARTAN_SHARED(float4, room, 2);
  const View<float> floats(reinterpret_cast<float*>(room.p));
  if (threadIdx.x == 0) copy_async<16>(floats, kBroken ? 1 : 4, View<const float>(arguments.in), 0);
  commit_async();
  wait_async<0>();
}

DEFECT(pending_copy, "ends with copies that nobody has waited for", kPending, "that it has not waited for") {
  TARTAN_SHARED(float, room, kBlock);
  copy_async<4>(room, threadIdx.x, View<const float>(arguments.in), global_thread());
  commit_async();
  if (!kBroken) wait_async<0>();
}

DEFECT(copy_from_shared, "copies asynchronously from shared memory", kShared, "from global to shared") {
  TARTAN_SHARED(float, room, kBlock);
  TARTAN_SHARED(float, more, kBlock);
  room[threadIdx.x] = 1;
  if (kBroken) {
    copy_async<4>(more, threadIdx.x, room, threadIdx.x);
  } else {
    copy_async<4>(more, threadIdx.x, View<const float>(arguments.in), threadIdx.x);
  }
  commit_async();
  wait_async<0>();
}
