"""The kernel is attention: what comes out, and the gradients, against PyTorch's own with a mask, in float32."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from t2q.training.document_attention import attend_documents
from t2q.training.kernels import load_kernels
from t2q.training.shared_prefix import attention_mask

HEADS, SCALE = 3, 0.17
# documents of a row: the length of the prefix and of each pair; then how much of the row is filling
ROWS = [
    ([(9, [4, 1, 7])], 3),
    ([(70, [33, 64, 5]), (3, [130, 2])], 0),
    ([(0, [5, 6]), (64, []), (1, [1])], 40),
    ([(200, [31] * 9), (129, [65, 66])], 7),
    ([(900, [1300, 20])], 5),
    ([], 9),
]
needs_kernel = pytest.mark.skipif(not load_kernels(), reason="no C++ compiler, or a processor without bf16 products")


def planes_of(documents: list[tuple[int, list[int]]], filling: int) -> Tensor:
    columns = [
        (number, pair)
        for number, (prefix, lengths) in enumerate(documents)
        for pair, length in enumerate([prefix, *lengths])
        for _ in range(length)
    ]
    return torch.tensor([*columns, *[(-1, 0)] * filling]).T.contiguous()


@needs_kernel
@pytest.mark.parametrize("size", [32, 64, 96, 128])
@pytest.mark.parametrize(("documents", "filling"), ROWS)
def test_results_and_gradients_are_those_of_a_mask(
    documents: list[tuple[int, list[int]]], filling: int, size: int
) -> None:
    torch.manual_seed(1)
    planes = planes_of(documents, filling)
    tokens = planes.shape[1] - filling
    # as a model's are: heads beside each other in memory, values a part of a longer row
    q, k, values = (torch.randn(1, planes.shape[1], n * HEADS * size).bfloat16() for n in (1, 1, 3))
    shaped = (x.view(1, -1, HEADS, size).transpose(1, 2) for x in (q, k, values[..., -HEADS * size :]))
    inputs = [x.detach().requires_grad_() for x in shaped]
    gradient = torch.randn(1, planes.shape[1], HEADS, size).bfloat16()
    got = attend_documents(*inputs, planes, SCALE)
    exact = [x.detach().float()[:, :, :tokens].requires_grad_() for x in inputs]
    mask = attention_mask(planes[:1, :tokens], planes[1:, :tokens])
    wanted = F.scaled_dot_product_attention(*exact, attn_mask=mask, scale=SCALE).transpose(1, 2)
    assert not tokens or (got[:, :tokens] - wanted).norm() / wanted.norm() < 0.01
    assert not got[:, tokens:].any()
    mine = torch.autograd.grad(got, inputs, gradient)
    theirs = torch.autograd.grad(wanted, exact, gradient[:, :tokens].float())
    for one, other in zip(mine, theirs, strict=True):
        assert one.dtype == torch.bfloat16 and not one[:, :, tokens:].any()
        assert not tokens or (one[:, :, :tokens] - other).norm() / other.norm() < 0.01


@needs_kernel
def test_scores_of_any_height_give_finite_results() -> None:
    planes = planes_of([(40, [20])], 0)
    inputs = [(200 * torch.randn(1, HEADS, 60, 32)).bfloat16().requires_grad_() for _ in ("q", "k", "v")]
    result = attend_documents(*inputs, planes, 1.0)
    assert result.isfinite().all()
    assert all(x.isfinite().all() for x in torch.autograd.grad(result.sum(), inputs))


def resident() -> int:
    """MiB that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


@needs_kernel
def test_documents_of_new_lengths_take_no_more_memory() -> None:
    """For each new shape, oneDNN compiles a product, and keeps it: a training had 19 GB of them after 25 minutes."""
    lengths = random.Random(3)

    def one_row() -> None:
        planes = planes_of([(lengths.randrange(900), [lengths.randrange(200) for _ in range(6)])], 0)
        inputs = [torch.randn(1, 1, planes.shape[1], 32).bfloat16().requires_grad_() for _ in ("q", "k", "v")]
        torch.autograd.grad(attend_documents(*inputs, planes, SCALE).sum(), inputs)

    for _ in range(5):
        one_row()
    before = resident()
    for _ in range(60):
        one_row()
    assert resident() - before < 12


def test_without_a_compiler_there_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    assert load_kernels.__wrapped__() is False


def test_where_they_can_work_they_do() -> None:
    """`load_kernels` goes on without them where they do not compile or load, and all other tests are left out then."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    if not shutil.which("g++") or torch.backends.cpu.get_cpu_capability() != "AVX512" or "avx512_bf16" not in flags:
        pytest.skip("no C++ compiler, or a processor without bf16 products")
    assert load_kernels()


def test_sources_that_do_not_compile_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("a processor without AVX-512")
    monkeypatch.setenv("CXX", "false")
    monkeypatch.setenv("T2Q_CACHE", str(tmp_path))
    with pytest.warns(UserWarning, match="training takes longer here"):
        assert load_kernels.__wrapped__() is False
