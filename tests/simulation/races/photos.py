"""Races over a photo: compressor, sweeper, and its customer's deletion."""

from collections.abc import Callable, Mapping

from tests.simulation.flows.photos import SWEEP_DUE_S, compress, create_upload, photo, photo_status, run_sweeper
from tests.simulation.harness import HARNESS
from tests.simulation.races.race import Race
from tests.simulation.world import World

CALL_AFTER_CLAIM = 3  # the number of a compressor's first call after it has claimed an upload


def two_compress(world: World) -> Race:
    """S3 reports one upload twice at once."""
    run = compress(world)
    return Race([run.act, run.act], lambda replies: run.done() and 200 in [reply.status for reply in replies])


def compress_and_delete(world: World) -> Race:
    customer = world.customer()
    created = create_upload(world, customer)
    key = created["upload"]["fields"]["key"]
    world.s3.put(HARNESS.uploads, key, photo())
    path = f"/api/mobile/images/{created['id']}/"
    acts = [lambda: world.report_upload(key), lambda: world.call(customer, "DELETE", path)]
    return Race(acts, lambda replies: replies[1].status == 204)


def compress_and_sweep(world: World) -> Race:
    """S3 reports an upload late, when the sweeper has listed its photo too: one of them ends it, and only one."""
    run = compress(world)
    world.advance(SWEEP_DUE_S)
    acts = [run.act, lambda: run_sweeper(world)]
    return Race(acts, lambda replies: replies[0].status == 200 and photo_status(world) in ("ready", "expired"))


def compress_again_and_sweep(world: World) -> Race:
    """The compressor died over an upload. S3 reports it again while the sweeper rejects the photo."""
    run = compress(world)
    world.wire.arm({CALL_AFTER_CLAIM: "killed before"})
    run.act()
    world.wire.arm({})
    assert photo_status(world) == "processing"
    world.advance(SWEEP_DUE_S)
    acts = [run.act, lambda: run_sweeper(world)]
    return Race(acts, lambda replies: replies[0].status == 200 and photo_status(world) in ("ready", "rejected"))


def delete_and_sweep(world: World) -> Race:
    """A photo that was never uploaded is deleted while the sweeper expires it."""
    customer = world.customer()
    path = f"/api/mobile/images/{create_upload(world, customer)['id']}/"
    world.advance(SWEEP_DUE_S)
    acts = [lambda: world.call(customer, "DELETE", path), lambda: run_sweeper(world)]
    return Race(acts, lambda replies: replies[0].status == 204 and photo_status(world) == "deleted")


COMPRESSOR_RACES: Mapping[str, Callable[[World], Race]] = {
    "one upload reported twice": two_compress,
    "compress, delete": compress_and_delete,
    "compress, sweep": compress_and_sweep,
    "compress again, sweep": compress_again_and_sweep,
}
PHOTO_RACES: Mapping[str, Callable[[World], Race]] = {**COMPRESSOR_RACES, "delete, sweep": delete_and_sweep}
