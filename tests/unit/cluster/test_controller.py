"""Who is looked at when. Nothing here says how long anything takes: what is awaited comes, or the test hangs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from modelprofiler.cluster import controller as module
from modelprofiler.cluster.adapter import Kind
from modelprofiler.cluster.controller import AT_ONCE, LONGEST_RETRY_SECONDS, Controller, _backoff
from modelprofiler.cluster.queue import Key
from modelprofiler.errors import ClusterUnavailable

A, B = ("team", "a"), ("team", "b")


class Looks:
    """Stands for a reconciler: remembers which profiles were looked at, and answers as configured."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)
        self.seen: list[Key] = []
        self.running = 0
        self.most = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.news = asyncio.Condition()

    async def __call__(self, key: Key) -> float | None:
        """Look once."""
        self.running += 1
        self.most = max(self.most, self.running)
        async with self.news:
            self.seen.append(key)
            self.news.notify_all()
        await self.hold.wait()
        self.running -= 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def until(self, count: int) -> None:
        """Wait until there were this many looks."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.seen) >= count)


async def idle(controller: Controller) -> None:
    """Wait until no profile has a worker."""
    while controller.busy:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries and bunches of changes not take time."""
    monkeypatch.setattr(module, "FIRST_RETRY_SECONDS", 0.001)
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.001)


async def test_a_profile_that_wants_no_further_look_has_no_worker() -> None:
    """No task and no memory is left of it."""
    looks = Looks(None)
    controller = Controller(looks)
    controller.wake(A)
    assert 1 == controller.busy
    await idle(controller)
    assert ([A], {}, {}) == (looks.seen, controller._workers, controller._changed)


async def test_a_profile_is_looked_at_again_when_its_time_has_come() -> None:
    """Zero is at once."""
    looks = Looks(0.0, 0.001, None)
    controller = Controller(looks)
    controller.wake(A)
    await idle(controller)
    assert [A] * 3 == looks.seen


async def test_a_change_cuts_the_wait_short() -> None:
    """However long it would have been."""
    looks = Looks(3600.0, None)
    controller = Controller(looks)
    controller.wake(A)
    await looks.until(1)
    await asyncio.sleep(0)
    controller.wake(A)
    await idle(controller)
    assert [A] * 2 == looks.seen


async def test_a_change_during_the_last_look_is_not_lost() -> None:
    """It says that nothing more is to be done; what it saw was older."""
    looks = Looks(None, None)
    looks.hold.clear()
    controller = Controller(looks)
    controller.wake(A)
    await looks.until(1)
    controller.wake(A)
    looks.hold.set()
    await idle(controller)
    assert [A] * 2 == looks.seen


async def test_a_bunch_of_changes_is_one_look() -> None:
    """Two profiles do not wait for each other, and one is never looked at twice at a time."""
    looks = Looks(None, None)
    looks.hold.clear()
    controller = Controller(looks)
    for _ in range(100):
        controller.wake(A)
        controller.wake(B)
    await looks.until(2)
    looks.hold.set()
    await idle(controller)
    assert ([A, B], 2) == (sorted(looks.seen), looks.most)

    looks = Looks(None, None)
    looks.hold.clear()
    controller = Controller(looks)
    controller.wake(A)
    await looks.until(1)
    for _ in range(100):
        controller.wake(A)
    looks.hold.set()
    await idle(controller)
    assert ([A, A], 1) == (looks.seen, looks.most)


async def test_of_a_thousand_a_few_are_looked_at_at_a_time() -> None:
    """But one that runs is looked at at once, also when that becomes known while it stands in line."""
    urgent: set[Key] = set()
    looks = Looks()
    looks.hold.clear()
    controller = Controller(looks, lambda key: key in urgent)
    for number in range(1000):
        controller.wake(("team", str(number)))
    await looks.until(AT_ONCE)
    urgent.add(A)
    controller.wake(A)
    await looks.until(AT_ONCE + 1)
    urgent.add(("team", "999"))
    controller.wake(("team", "999"))
    await looks.until(AT_ONCE + 2)
    assert [A, ("team", "999")] == looks.seen[AT_ONCE:]
    assert AT_ONCE + 2 == looks.most
    looks.hold.set()
    await idle(controller)
    assert 1001 == len(set(looks.seen))
    assert AT_ONCE + 2 == looks.most


@pytest.mark.parametrize("error", [ClusterUnavailable("no answer"), TimeoutError(), ZeroDivisionError("a bug")])
async def test_no_error_ends_a_worker(error: Exception) -> None:
    """A profile that nobody looks at would be stuck for good."""
    looks = Looks(error, error, None)
    controller = Controller(looks)
    controller.wake(A)
    await idle(controller)
    assert [A] * 3 == looks.seen


async def test_a_look_that_hangs_is_cut_off_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An await without an end must not hold a profile up."""
    monkeypatch.setattr(module, "RECONCILE_TIMEOUT_SECONDS", 0.01)
    looks = Looks(None)
    looks.hold.clear()
    controller = Controller(looks)
    controller.wake(A)
    await looks.until(2)
    looks.hold.set()
    await idle(controller)
    assert [A] * 2 == looks.seen[:2]


def test_retries_are_ever_rarer_up_to_a_minute() -> None:
    """The longest waits are spread from half a minute to one, and there is no overflow."""
    waits = [_backoff(failures) for failures in (5, 10, 100, 10_000)]
    assert all(0 < wait <= LONGEST_RETRY_SECONDS for wait in waits)


async def test_stop_ends_every_worker_and_watch() -> None:
    """Also those that wait."""
    looks = Looks(3600.0, 3600.0)
    controller = Controller(looks)
    controller.watch(Watched(), ())
    controller.wake(A)
    controller.wake(B)
    await looks.until(2)
    before = asyncio.all_tasks()
    await controller.stop()
    assert (0, {asyncio.current_task()}) == (controller.busy, asyncio.all_tasks())
    assert len(before) > 1


class Watched:
    """Watches that yield prepared lists, one after the other, and then nothing for ever."""

    def __init__(self, *streams: list[Key | Exception | None]) -> None:
        self.streams = list(streams)

    async def follow(self, kind: Kind, namespace: str | None) -> AsyncIterator[Key | None]:
        """Yield the next list; only Pods have any."""
        if kind.plural != "pods" or not self.streams:
            await asyncio.Event().wait()
        for item in self.streams.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item


@pytest.mark.parametrize(
    "end",
    [[], [ClusterUnavailable("gone")], [KeyError("an object without metadata")], [None]],
    ids=["it ends", "it breaks", "a bug", "not ours"],
)
async def test_a_child_that_changes_wakes_its_profile_however_the_watch_before_ended(
    end: list[Key | Exception | None],
) -> None:
    """A watch that died unseen would leave its profiles to the clock."""
    looks = Looks()
    controller = Controller(looks)
    controller.watch(Watched([A, *end], [B]), ("team",))
    await looks.until(2)
    assert [A, B] == looks.seen
    await controller.stop()


async def test_a_watch_that_ends_at_once_is_not_started_as_fast_as_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a pause between two."""
    pauses: list[int] = []

    def pause(failures: int) -> float:
        pauses.append(failures)
        return 0.0

    monkeypatch.setattr(module, "_backoff", pause)
    controller = Controller(Looks())
    controller.watch(Watched([], [], []), ())
    while len(pauses) < 3:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    assert [1, 1, 1] == pauses[:3]
    await controller.stop()
