// Every seeded defect is found under every seed, with the right text; the same kernels unbroken pass.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "defects.h"
#include "fixture.h"
#include "tartan.cuh"

namespace defects {

static std::vector<Defect>& list() {
  static std::vector<Defect> defects;
  return defects;
}
const std::vector<Defect>& all() { return list(); }
Add::Add(const Defect& defect) { list().push_back(defect); }

const char* detector_of(emulation::Fault fault) {
  switch (fault) {
    case emulation::Fault::kAddress:
      return "bounds";
    case emulation::Fault::kMisaligned:
      return "alignment";
    case emulation::Fault::kUnwritten:
      return "unwritten memory";
    case emulation::Fault::kRace:
      return "races";
    case emulation::Fault::kDivergence:
      return "divergence";
    case emulation::Fault::kPending:
      return "pending copies";
    case emulation::Fault::kEndless:
      return "endless waits";
    case emulation::Fault::kShared:
      return "shared memory";
    default:
      return "none";
  }
}

}  // namespace defects

// Reads past its Views, or writes shared memory so.
TARTAN_KERNEL(test_bare_pointer, 1, defects::DefectArguments) {
  TARTAN_SHARED(float, room, 1);
  *room.p = *arguments.in;
}

namespace {

using defects::Defect;
using defects::kValues;
using fixture::Device;

constexpr int kSeeds = 20;

emulation::Outcome run(const Defect& defect, bool broken, uint64_t seed) {
  const Device<float> in(std::vector<float>(kValues, 1)), out(kValues), other(std::vector<float>(kValues, 1));
  Device<float> freed(std::vector<float>(kValues, 1));
  const Device<int32_t> counts(std::vector<int32_t>(kValues, 0));
  const Device<uint8_t> bytes(std::vector<uint8_t>(1003, 1));
  Device<float> unwritten(kValues);
  unwritten.put(std::vector<float>(broken ? kValues - 1 : kValues, 1));
  if (broken) freed.free();
  const defects::DefectArguments arguments = {in.at(),    out.at(),   counts.at(),   bytes.at(),
                                              other.at(), freed.at(), unwritten.at()};
  emulation::Launch launch = fixture::shape(defects::kBlocks, defects::kBlock, seed);
  launch.dynamic_bytes = std::string(defect.kernel) == "dynamic_index" ? defects::kBlock * 8 : 0;
  launch.patience = 100000;
  return fixture::launch((std::string(defect.kernel) + (broken ? "_broken" : "_whole")).c_str(), arguments,
                         launch);
}

bool is_found(const Defect& defect, const emulation::Outcome& outcome) {
  const auto says = [&](const char* text) { return outcome.text.find(text) != std::string::npos; };
  const bool named = says(defect.kernel) && says("block (") && says("thread (");
  return named && ((outcome.fault == defect.fault && says(defect.text)) ||
                   (outcome.fault == defect.or_fault && says(defect.or_text)));
}

}  // namespace

TEST(seeded_defects) {
  printf("  %-95s %-17s %s\n", "seeded defect", "detector", "caught");
  for (const Defect& defect : defects::all()) {
    int found = 0;
    for (int seed = 1; seed <= kSeeds; seed++) {
      check::where = std::string(defect.kernel) + ", seed " + std::to_string(seed);
      const emulation::Outcome outcome = run(defect, true, seed);
      if (!CHECK(is_found(defect, outcome))) fprintf(stderr, "  %s\n", outcome.text.c_str());
      if (is_found(defect, outcome)) found++;
    }
    printf("  %-95s %-17s %d of %d\n", defect.what, defects::detector_of(defect.fault), found, kSeeds);
  }
}

TEST(whole_kernels) {
  for (const Defect& defect : defects::all()) {
    for (int seed = 1; seed <= kSeeds; seed++) {
      check::where = std::string(defect.kernel) + ", seed " + std::to_string(seed);
      const emulation::Outcome outcome = run(defect, false, seed);
      if (!CHECK(outcome.fault == emulation::Fault::kNone)) fprintf(stderr, "  %s\n", outcome.text.c_str());
    }
  }
}

TEST(bare_pointers_end_the_process) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    const Device<float> in(std::vector<float>(1, 1));
    defects::DefectArguments arguments = {};
    arguments.in = in.at();
    fixture::launch("test_bare_pointer", arguments, fixture::shape(1, 1));
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
