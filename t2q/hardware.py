"""Which machine this is, found out without importing torch (which takes seconds)."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys

import psutil

MEASURED_SECONDS = 0.4


@functools.cache
def nvidia_gpu() -> str | None:
    """Name of the first CUDA device that this process may use, or None. Asks the driver library itself.

    CUDA_VISIBLE_DEVICES counts, since the driver honours it.
    """
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    count, device, name = ctypes.c_int(0), ctypes.c_int(0), ctypes.create_string_buffer(256)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return None
    cuda.cuDeviceGet(ctypes.byref(device), 0)
    cuda.cuDeviceGetName(name, len(name), device)
    return name.value.decode(errors="replace") or "NVIDIA GPU"


def default_profile() -> tuple[str, str]:
    """The profile's name for this machine and why."""
    gpu = nvidia_gpu()
    return ("gpu", f"{gpu} found") if gpu else ("cpu", "no NVIDIA GPU found")


def free_cores() -> float:
    """How many cores' worth of time all programs together leave just now, measured."""
    return (1 - psutil.cpu_percent(MEASURED_SECONDS) / 100) * (os.cpu_count() or 1)


def device_name() -> str:
    """For manifests: the GPU, or the processor with its number of cores."""
    return nvidia_gpu() or f"{platform.machine()} CPU, {os.cpu_count()} cores"
