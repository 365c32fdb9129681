package dev.tartan;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The floors of the house: a package imports only from lower ones, and nothing goes round. */
class ArchitectureTest {
  /** By the first part of the name below dev.tartan; the front door has none. */
  private static final Map<String, Integer> FLOORS =
      Map.ofEntries(
          Map.entry("", 6),
          Map.entry("cli", 6),
          Map.entry("capi", 6),
          Map.entry("search", 5),
          Map.entry("indexing", 5),
          Map.entry("interop", 5),
          Map.entry("segment", 4),
          Map.entry("train", 4),
          Map.entry("codec", 3),
          Map.entry("metadata", 3),
          Map.entry("encode", 3),
          Map.entry("compute", 2),
          Map.entry("checkpoint", 2),
          Map.entry("collection", 2),
          Map.entry("memory", 1));

  private static final JavaClasses CLASSES = classes();

  private static JavaClasses classes() {
    // names are enough: LibTorch's thousands of classes need not be read
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    return new ClassFileImporter()
        .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
        .importPackages("dev.tartan")
        .that(resideOutsideOfPackage("dev.tartan.kernels..")); // of the build, not of the engine
  }

  @Test
  void importsComeFromLowerFloors() {
    TreeSet<String> wrong = new TreeSet<>();
    for (JavaClass from : CLASSES) {
      for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
        String target = dependency.getTargetClass().getPackageName();
        if (target.equals("dev.tartan") || target.startsWith("dev.tartan.")) {
          String room = room(from.getPackageName());
          String other = room(target);
          if (!room.equals(other) && floor(room) <= floor(other) && floor(room) < 6) {
            wrong.add("%s imports %s".formatted(from.getName(), dependency.getTargetClass()));
          }
        }
      }
    }
    assertTrue(CLASSES.size() > 50, CLASSES.size() + " classes were found");
    assertTrue(wrong.isEmpty(), () -> String.join("\n", wrong));
  }

  @Test
  void packagesDoNotGoRound() {
    slices().matching("dev.tartan.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void backendsDoNotImportEachOther() {
    List<String> backends = List.of("reference", "cpu", "cuda");
    for (String one : backends) {
      for (String other : backends) {
        if (!one.equals(other)) {
          noClasses()
              .that()
              .resideInAPackage("dev.tartan.compute.%s..".formatted(one))
              .should()
              .dependOnClassesThat()
              .resideInAPackage("dev.tartan.compute.%s..".formatted(other))
              .check(CLASSES);
        }
      }
    }
  }

  @Test
  void onlyComputeCallsNativeFunctions() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.tartan.compute..")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.lang.foreign.Linker")
        .check(CLASSES);
  }

  @Test
  void onlyModelsAndTrainingSeeLibTorch() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.tartan.encode.model..", "dev.tartan.train..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.bytedeco..")
        .check(CLASSES);
  }

  private static String room(String packageName) {
    String below = packageName.substring("dev.tartan".length());
    return below.isEmpty() ? "" : below.substring(1).split("\\.", 2)[0];
  }

  private static int floor(String room) {
    Integer floor = FLOORS.get(room);
    if (floor == null) {
      throw new AssertionError("package dev.tartan." + room + " stands on no floor");
    }
    return floor;
  }
}
