package dev.tartan.compute.cuda;

/** What the statuses of the CUDA driver mean to a user. */
final class CudaError {
  static final int NONE = 0;
  static final int OUT_OF_MEMORY = 2;
  static final int NO_DEVICE = 100;

  private CudaError() {}

  /** One line: the call, the driver's name and text of the error, the remedy. */
  static String message(int status, String call) {
    return "CUDA: %s failed with %s (%s): %s"
        .formatted(
            call, CudaFunctions.errorName(status), CudaFunctions.errorText(status), remedy(status));
  }

  private static String remedy(int status) {
    return switch (status) {
      case OUT_OF_MEMORY -> "free memory of the device, or use --backend cpu";
      case 3, 4 -> "the driver is shutting down";
      case 34, 35, 803, 804, 222, 223 -> "update the NVIDIA driver, or use --backend cpu";
      case 46, 101 -> "another process has the device to itself; wait, or use --backend cpu";
      case NO_DEVICE ->
          "is a device there and visible (CUDA_VISIBLE_DEVICES)? or use --backend cpu";
      case 200, 209, 218, 500 ->
          "the kernels do not fit the device; use --backend cpu and report this";
      case 700, 710, 714, 715, 716, 717, 718, 719 ->
          "check the index with 'tartan verify'; if it is whole, report this and use --backend cpu";
      case 802, 999 -> "restart the machine or its NVIDIA services, or use --backend cpu";
      default -> "use --backend cpu";
    };
  }
}
