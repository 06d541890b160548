"""The day of the app, played on the built layers by the runtime's Python: what is left out of them is not missed.

Each function stays within its budget of what it makes, imports and opens, from its start to its second answer.
"""

from pathlib import Path

import pytest

from tests.bench.cold import Bench, Case
from tests.bench.world import UPLOADS
from tests.support.built_day import play
from tools.build import BUILT
from tools.lean import OPERATIONS

pytestmark = pytest.mark.artifact

# By scene: the exact clients and connections, and the most modules and files. There is one session. A request that
# needs more of one than its row allows is slower from a cold start: find out what came in before you raise the row.
BUDGETS = {
    "ListPaymentMethods (10)": (1, 1, 395, 350),
    "CreatePaymentMethod": (1, 1, 395, 350),
    "RetrievePaymentMethod": (1, 1, 395, 350),
    "UpdatePaymentMethod": (1, 1, 395, 350),
    "DeletePaymentMethod": (1, 1, 390, 350),
    "SetDefaultPaymentMethod": (1, 1, 395, 350),
    "ListWallets": (1, 1, 385, 345),
    "RetrieveWallet": (1, 1, 385, 345),
    "ListWalletTransactions": (1, 1, 395, 355),
    "AddWalletBalance": (2, 3, 495, 420),
    "ListPayments (20)": (1, 1, 395, 350),
    "ListPaymentLimits": (1, 1, 395, 355),
    "CreatePayment (wallet)": (1, 1, 405, 365),
    "CreatePayment (gateway)": (2, 3, 495, 420),
    "RetrievePayment (captured)": (1, 1, 390, 350),
    "RetrievePayment (created)": (1, 1, 390, 350),
    "VerifyPayment": (2, 3, 505, 430),
    "SyncPayment": (2, 3, 505, 430),
    "ReceiveWebhook (captured)": (2, 2, 425, 385),
    "ReceiveWebhook (refused)": (2, 2, 425, 385),
    "CreateRefund": (2, 3, 505, 430),
    "ListRefunds": (1, 1, 390, 345),
    "RetrieveRefund": (1, 1, 390, 345),
    "CreateImageUpload": (1, 1, 390, 345),
    "ListImages (10)": (1, 1, 390, 350),
    "RetrieveImage": (1, 1, 390, 345),
    "DeleteImage": (2, 2, 385, 350),
    "SearchStaff": (1, 1, 405, 360),
    "RetrieveStaffPayment": (1, 1, 425, 380),
    "RetrieveStaffCustomer": (1, 1, 430, 390),
    "CheckStaffWallet": (1, 1, 405, 360),
    "ListStaffReviews": (1, 1, 400, 355),
    "ListStaffProposals": (1, 1, 405, 360),
    "ListStaffWebhooks": (1, 1, 430, 390),
    "ListStaffDisputes": (1, 1, 385, 345),
    "RetrieveStaffEvidence": (1, 1, 435, 390),
    "BlockStaffWallet": (1, 1, 405, 365),
    "CancelStaffRefund": (1, 1, 430, 390),
    "CreateStaffAdjustment": (1, 1, 405, 360),
    "CreateStaffWaiver": (1, 1, 405, 360),
    "DecideStaffProposal": (1, 1, 430, 390),
    "CreateStaffRefund": (2, 3, 510, 435),
    "ReleaseStaffClaim": (1, 1, 395, 350),
    "ReplayStaffUploads": (3, 3, 405, 365),
    "ReplayStaffWebhook": (1, 1, 430, 390),
    "ResolveStaffReview": (1, 1, 430, 385),
    "ReconcilePayments": (2, 3, 490, 415),
    "SweepImages": (2, 2, 355, 315),
    "AuditPayments": (1, 1, 370, 325),
    "AuditWallets": (1, 1, 370, 325),
}
BUILT_FOR_ARM64 = ("Authorize", "AuthorizeStaff", "CompressImage")
TRIES = 3  # on a busy machine the server's session ticket may come too late for the first connection to be used
# The calls of the compressor, whose decoder is built for arm64, of uploads that staff try again, and of a purge.
UPLOADS_OF_PHOTOS = """
from shared.aws import s3, sqs
from shared.aws.dynamodb import Delete, execute
from shared.images.models import Image

def handler(event, context):
    version = s3.first_version("in/a/b")
    assert bytes(s3.get_upload("in/a/b", version.id)) == b"photo"
    s3.store_again("in/a/b", version.id)
    sqs.receive("https://sqs.ap-south-1.amazonaws.com/0/uploads", 60)
    message = sqs.Message("", "handle")
    sqs.show("https://sqs.ap-south-1.amazonaws.com/0/uploads", message)
    sqs.delete("https://sqs.ap-south-1.amazonaws.com/0/uploads", message)
    s3.put_image("out/a/b/c.jpeg", b"photo", "image/jpeg")
    s3.remove_upload("in/a/b")
    s3.remove_images("out/a/b/")
    execute(Delete(Image("a", "b")))
    return {"statusCode": 200}
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("day"), BUILT)


@pytest.fixture(scope="module")
def cases(bench: Bench) -> dict[str, Case]:
    """Every scene but those of functions whose layers are built for arm64: the authorizers and the compressor."""
    return {case.scene.name: case for case in bench.ours() if case.scene.function not in BUILT_FOR_ARM64}


def test_every_scene_has_a_budget(cases: dict[str, Case]) -> None:
    assert set(BUDGETS) == set(cases)


@pytest.mark.parametrize("name", BUDGETS)
def test_function_stays_within_its_budget(name: str, cases: dict[str, Case]) -> None:
    case = cases[name]
    folders = [case.deployed.folder, *case.deployed.layers]
    clients, connections, modules_max, files_max = BUDGETS[name]
    for _ in range(TRIES):
        events = [case.scene.event() for _ in range(2)]
        answers, seen = play(case.deployed.handler, folders, case.environment, events)
        statuses = {answer.get("statusCode") for answer in answers}
        assert statuses == {case.scene.status} if case.scene.status else statuses <= {None, 200, 201, 202}
        if seen.connections == connections:
            break
    assert (seen.sessions, seen.clients, seen.connections) == (1, clients, connections)
    assert seen.modules <= modules_max
    assert seen.files <= files_max


def test_layers_have_every_operation_of_the_day_and_no_other(
    bench: Bench, cases: dict[str, Case], tmp_path: Path
) -> None:
    """Runs after the scenes above; what none of them called is to be left out of the layers."""
    (tmp_path / "photos.py").write_text(UPLOADS_OF_PHOTOS)
    bench.world.buckets.put(UPLOADS, "in/a/b", b"photo")
    layers = cases["DeleteImage"].deployed.layers
    play("photos.handler", [tmp_path, *layers], bench.world.environment, [{}])
    called = {service: {name for of, name in bench.world.called if of == service} for service in OPERATIONS}
    assert called == {service: set(operations) for service, operations in OPERATIONS.items()}
