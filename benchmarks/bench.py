"""What every topic measures with: the simulator, the options of this run, and a line that says what goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.clients import Client
from benchmarks.process import Job
from benchmarks.runs import Run, run_client
from benchmarks.simulator import Landed, Simulator


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmarks."""

    simulator: Simulator
    say: Callable[[str], None]
    rounds: int
    """How often what is compared runs side by side."""
    quick: bool
    """Less of everything, for a first look: no peers that take minutes, fewer environments."""
    seed: int
    """The first seed of the drawn environments."""
    missing: str
    """Why there are no peers, empty when there are."""

    def write(
        self, client: Client, job: Job, environment: dict[str, float], started: Callable[[], None] | None = None
    ) -> tuple[Run, Landed]:
        """One client writes bookings into an empty environment; what it cost, and what arrived."""
        self.say(client.name)
        self.simulator.prepare(**environment)
        run = self.run(client, {"action": "write", **job}, started)
        return run, self.simulator.landed()

    def run(self, client: Client, job: Job, started: Callable[[], None] | None = None) -> Run:
        """One client does a job in the environment as it is."""
        return run_client(client, self.simulator, job, started=started)
