package dev.tartan.segment;

import dev.tartan.codec.ResidualCodec;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Saves what is whole of a damaged index: the segments of which every byte and reference is right.
 * They become the next commit; the files of the others are kept aside under other names. Where only
 * the record of deletions of a segment is damaged, its documents come back, but for those that live
 * in another segment. Confined to one thread.
 */
public final class Repair {
  private static final String ASIDE = "damaged-";

  private final Path path;
  private final List<String> findings = new ArrayList<>();
  private final List<Manifest.SegmentEntry> whole = new ArrayList<>();
  private final Set<String> restored = new HashSet<>();
  private final Set<String> damagedFiles = new HashSet<>();
  private long lostDocuments;

  private Repair(Path path) {
    this.path = path;
  }

  /**
   * What came of it.
   *
   * @param manifest the commit that stands now
   * @param findings what was damaged and what that means, a line each; empty if all was whole
   * @param lostDocuments documents that are no longer in the index
   */
  public record Report(Manifest manifest, List<String> findings, long lostDocuments) {}

  /**
   * Repairs the index at {@code path}; does nothing if it is whole.
   *
   * @throws TartanException if there is no index, a writer holds it, no manifest can be read, or
   *     the disk fails
   */
  public static Report repair(Path path) {
    Repair repair = new Repair(path);
    Manifest.readOrCopy(path); // says so if there is none, and makes no directory
    try (IndexDirectory directory = IndexDirectory.openDamaged(path)) {
      repair.salvage(directory);
    }
    if (!repair.restored.isEmpty()) {
      repair.removeTwins();
    }
    return new Report(Manifest.read(path), repair.findings, repair.lostDocuments);
  }

  private void salvage(IndexDirectory directory) {
    Manifest last = manifest();
    checkCodec(last);
    for (Manifest.SegmentEntry entry : last.segments()) {
      check(entry, last);
    }
    checkCopy();
    if (!findings.isEmpty()) {
      setAside();
      directory.commit(last.withSegments(whole));
    }
  }

  private void checkCopy() {
    try {
      Manifest.checkCopy(path);
    } catch (TartanException e) {
      findings.add("%s is damaged: it is written again".formatted(Manifest.COPY));
      damagedFiles.add(Manifest.COPY);
    }
  }

  private Manifest manifest() {
    try {
      return Manifest.read(path);
    } catch (TartanException e) {
      findings.add(
          "%s is damaged or missing: what its copy says was taken".formatted(Manifest.FILE));
      damagedFiles.add(Manifest.FILE);
      return Manifest.readOrCopy(path);
    }
  }

  private void check(Manifest.SegmentEntry entry, Manifest manifest) {
    String fault = fault(entry, manifest);
    if (fault == null) {
      whole.add(entry);
      return;
    }
    Manifest.Living living = entry.living();
    Manifest.SegmentEntry all = entry.withLiving(null);
    if (living != null && fault(all, manifest) == null) {
      whole.add(all);
      restored.add(entry.name());
      damagedFiles.add(living.file());
      findings.add(
          "%s; which documents of %s were deleted is lost: %,d of them are back"
              .formatted(fault, entry.name(), entry.documents() - living.documents()));
      return;
    }
    lostDocuments += entry.livingDocuments();
    damagedFiles.addAll(entry.files());
    findings.add(
        "%s; %s is lost with %,d documents%s"
            .formatted(fault, entry.name(), entry.livingDocuments(), ids(entry)));
  }

  /** What is wrong with a segment, its codec included; null if nothing is. */
  private @Nullable String fault(Manifest.SegmentEntry entry, Manifest manifest) {
    try (Arena arena = Arena.ofShared()) {
      Manifest.CodecEntry codec = manifest.codec(entry);
      ArrayFile file = CodecFile.open(path, codec, arena);
      file.verify();
      ResidualCodec tables = CodecFile.read(file, codec, manifest.dim());
      new SegmentCheck(Segment.open(path, entry, tables, arena)).check();
      return null;
    } catch (TartanException e) {
      String message = String.valueOf(e.getMessage());
      int remedy = message.indexOf("; ");
      return remedy < 0 ? message : message.substring(0, remedy);
    }
  }

  /** The current codec may be that of no segment; without it nothing can be added. */
  private void checkCodec(Manifest manifest) {
    try (Arena arena = Arena.ofShared()) {
      ArrayFile file = CodecFile.open(path, manifest.codec(), arena);
      file.verify();
      CodecFile.read(file, manifest.codec(), manifest.dim());
    } catch (TartanException e) {
      throw new TartanException(
          "%s, and nothing of the index can be read without it: index the collection again"
              .formatted(String.valueOf(e.getMessage()).replaceFirst("; .*", "")),
          e);
    }
  }

  /** Writes the ids of a lost segment's living documents to a file, if they can be read. */
  private String ids(Manifest.SegmentEntry entry) {
    try (Arena arena = Arena.ofShared()) {
      ArrayFile offsets = open(entry, Component.ID_OFFSETS, arena);
      ArrayFile ids = open(entry, Component.IDS, arena);
      List<String> lines = new ArrayList<>();
      for (long d = 0; d < entry.documents(); d++) {
        long start = offsets.data().getAtIndex(Layouts.I64, d);
        long end = offsets.data().getAtIndex(Layouts.I64, d + 1);
        byte[] id = ids.data().asSlice(start, end - start).toArray(Layouts.U8);
        lines.add(new String(id, StandardCharsets.UTF_8));
      }
      String name = ASIDE + entry.name() + "-ids.txt";
      Files.write(path.resolve(name), lines);
      return "; the ids of its %,d documents, deleted ones too, are in %s"
          .formatted(lines.size(), name);
    } catch (TartanException e) {
      return ", their ids too";
    } catch (IOException e) {
      throw TartanException.io("cannot write the ids of " + entry.name(), e);
    }
  }

  private ArrayFile open(Manifest.SegmentEntry entry, Component part, Arena arena) {
    ArrayFile file =
        ArrayFile.open(path.resolve(entry.name() + "." + part.extension()), part, arena);
    file.verify();
    return file;
  }

  private void setAside() {
    try {
      for (String name : damagedFiles) {
        Path file = path.resolve(name);
        if (Files.exists(file)) {
          Files.move(file, path.resolve(ASIDE + name));
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot set damaged files aside in " + path, e);
    }
  }

  /** Documents that came back though they live elsewhere were updated: the other one is right. */
  private void removeTwins() {
    try (IndexDirectory directory = IndexDirectory.open(path);
        Snapshot snapshot = Snapshot.open(path);
        Deletions deletions = new Deletions(snapshot)) {
      for (int s = 0; s < snapshot.segments().size(); s++) {
        Segment segment = snapshot.segments().get(s);
        for (int d = 0; restored.contains(segment.entry().name()) && d < segment.documents(); d++) {
          if (livesElsewhere(snapshot, s, segment.id(d))) {
            deletions.add(new Snapshot.Place(s, d));
          }
        }
      }
      directory.commit(snapshot.manifest().withSegments(deletions.write(directory)));
    }
  }

  private static boolean livesElsewhere(Snapshot snapshot, int segment, String id) {
    for (int s = 0; s < snapshot.segments().size(); s++) {
      if (s != segment && snapshot.segments().get(s).find(id) >= 0) {
        return true;
      }
    }
    return false;
  }
}
