#include "count.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "machine.h"

namespace emulation {

bool counting = false;

namespace {

constexpr uint32_t kBankBytes = 4;
constexpr uint32_t kBanks = 32;

struct Asked {
  const void* code;
  uint32_t turn;  // how often the lane was there before
  int lane;
  const Region* region;
  uint64_t offset;
  uint32_t bytes;
  Access kind;
};

struct Ledger {
  Traffic traffic;
  std::vector<bool> read;  // bytes
};

uint64_t mma;
Traffic shared;
std::map<uintptr_t, Ledger> ledgers;
std::vector<Asked> pending;  // of the running warp

using Range = std::vector<Asked>::iterator;

// The bytes of [first, last) in pieces of `unit`, each piece once.
uint64_t bytes_touched(Range first, Range last, uint64_t unit) {
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (Range i = first; i != last; ++i)
    spans.emplace_back(i->offset / unit, (i->offset + i->bytes + unit - 1) / unit);
  std::sort(spans.begin(), spans.end());
  uint64_t pieces = 0, reached = 0;
  for (const auto& [begin, end] : spans) {
    if (end <= reached) continue;
    pieces += end - std::max(begin, reached);
    reached = end;
  }
  return pieces * unit;
}

// Lanes of eight bytes are served by halves of a warp, those of sixteen by quarters.
uint64_t wavefronts_of(Range first, Range last) {
  const int lanes = static_cast<int>(kLanes / std::max(1u, first->bytes / kBankBytes));
  uint64_t sum = 0;
  for (Range i = first; i != last;) {
    std::vector<uint64_t> words;
    for (const int group = i->lane / lanes; i != last && i->lane / lanes == group; ++i) {
      for (uint64_t w = i->offset / kBankBytes; w * kBankBytes < i->offset + i->bytes; w++)
        words.push_back(w);
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    uint64_t by_bank[kBanks] = {};
    for (uint64_t word : words) by_bank[word % kBanks]++;
    sum += *std::max_element(by_bank, by_bank + kBanks);
  }
  return sum;
}

void count_request(Range first, Range last) {
  const Region& region = *first->region;
  const bool is_shared = region.name != nullptr;
  Traffic& traffic = is_shared ? shared : ledgers[region.base].traffic;
  if (is_shared) traffic.wavefronts += wavefronts_of(first, last);
  if (first->kind == kWrite) return;
  traffic.requested += bytes_touched(first, last, 1);
  traffic.sectors += bytes_touched(first, last, kSector);
}

}  // namespace

void start_counting() {
  mma = 0;
  shared = Traffic();
  ledgers.clear();
  pending.clear();
  counting = true;
}

void stop_counting() { counting = false; }

Counts counted() {
  Counts counts{mma, shared, {}};
  for (const auto& [base, ledger] : ledgers) {
    Traffic traffic = ledger.traffic;
    const uint64_t bytes = ledger.read.size();
    for (uint64_t sector = 0; sector < bytes; sector += kSector) {
      uint64_t read = 0;
      for (uint64_t i = sector; i < std::min(bytes, sector + kSector); i++) read += ledger.read[i];
      traffic.distinct += read;
      traffic.distinct_sectors += read > 0 ? kSector : 0;
    }
    counts.allocations[base] = traffic;
  }
  return counts;
}

void count_access(const Region& region, uint64_t offset, uint32_t bytes, Access kind, int lane,
                  const void* code) {
  pending.push_back({code, 0, lane, &region, offset, bytes, kind});
  if (region.name != nullptr) {
    shared.read += kind != kWrite ? bytes : 0;
    shared.written += kind != kRead ? bytes : 0;
    return;
  }
  Ledger& ledger = ledgers[region.base];
  if (ledger.read.empty()) ledger.read.resize(region.allocated);
  if (kind != kRead) ledger.traffic.written += bytes;
  if (kind == kWrite) return;
  ledger.traffic.read += bytes;
  std::fill_n(ledger.read.begin() + static_cast<int64_t>(offset), bytes, true);
}

void count_mma() { mma++; }

void end_requests() {
  const auto by_lane = [](const Asked& a) { return std::make_tuple(a.code, a.kind, a.region, a.lane); };
  std::stable_sort(pending.begin(), pending.end(),
                   [&](const Asked& a, const Asked& b) { return by_lane(a) < by_lane(b); });
  for (size_t i = 1; i < pending.size(); i++) {
    if (by_lane(pending[i]) == by_lane(pending[i - 1])) pending[i].turn = pending[i - 1].turn + 1;
  }
  const auto by_turn = [](const Asked& a) { return std::make_tuple(a.code, a.kind, a.region, a.turn); };
  std::stable_sort(pending.begin(), pending.end(),
                   [&](const Asked& a, const Asked& b) { return by_turn(a) < by_turn(b); });
  for (Range first = pending.begin(); first != pending.end();) {
    Range last = first;
    while (last != pending.end() && by_turn(*last) == by_turn(*first)) ++last;
    count_request(first, last);
    first = last;
  }
  pending.clear();
}

}  // namespace emulation
