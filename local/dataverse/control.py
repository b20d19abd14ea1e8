"""The control surface under `/__sim/`: for tests, the demo and the benchmarks."""

from aiohttp import web

from local.dataverse.errors import DataverseError
from local.dataverse.planting import planting_error
from local.dataverse.simulator import KEEPABLE, Simulator
from local.simulation.control import Handler, explained, read_body


class Control:
    """Answers the control requests."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """Returns the routes of the control surface."""
        return [
            web.get("/__sim/health", self.health),
            web.post("/__sim/reset", _explained(self.reset)),
            web.get("/__sim/stats", self.stats),
            web.post("/__sim/faults", _explained(self.add_faults)),
            web.get("/__sim/faults", self.faults),
            web.delete("/__sim/faults", self.clear_faults),
            web.post("/__sim/environment", _explained(self.change_environment)),
            web.get("/__sim/environment", self.environment),
            web.post("/__sim/rows", _explained(self.add_rows)),
            web.get("/__sim/rows", self.rows),
            web.post("/__sim/columns", _explained(self.add_columns)),
            web.post("/__sim/roles", _explained(self.assign_roles)),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """Tells that the simulator answers."""
        return web.json_response({"status": "healthy"})

    async def reset(self, request: web.Request) -> web.Response:
        """Returns to the seed."""
        body = await read_body(request) or {}
        keep = frozenset(body.get("keep", []))
        if not keep <= KEEPABLE:
            raise ValueError(f"'keep' takes {', '.join(sorted(KEEPABLE))}.")
        self._simulator.reset(keep)
        return web.json_response({"reset": True})

    async def stats(self, request: web.Request) -> web.Response:
        """Returns the counts."""
        return web.json_response(self._simulator.stats())

    async def add_faults(self, request: web.Request) -> web.Response:
        """Adds fault rules."""
        self._simulator.faults.add(await read_body(request))
        return web.json_response(self._simulator.faults.as_json())

    async def faults(self, request: web.Request) -> web.Response:
        """Returns the fault rules with their counts."""
        return web.json_response(self._simulator.faults.as_json())

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Takes every fault rule away."""
        self._simulator.faults.clear()
        return web.json_response([])

    async def change_environment(self, request: web.Request) -> web.Response:
        """Changes settings of the environment."""
        self._simulator.environment.change(await read_body(request))
        self._simulator.schedule.settle()
        return web.json_response(self._simulator.environment.as_json())

    async def environment(self, request: web.Request) -> web.Response:
        """Returns the settings of the environment."""
        return web.json_response(self._simulator.environment.as_json())

    async def add_rows(self, request: web.Request) -> web.Response:
        """Plants rows and returns their ids by entity set."""
        return web.json_response(self._simulator.plant(await read_body(request)))

    async def rows(self, request: web.Request) -> web.Response:
        """Returns all rows of an entity set as they are stored."""
        table = self._simulator.store.by_set.get(request.query.get("table", ""))
        if table is None:
            return web.json_response({"error": "There is no such entity set."}, status=404)
        rows = [{name: row[slot] for name, slot in table.slots.items()} for row in table.rows.values()]
        return web.json_response(rows)

    async def add_columns(self, request: web.Request) -> web.Response:
        """Adds columns, choice values, keys and tables."""
        body = await read_body(request)
        self._simulator.extend(body.get("tables", body))
        return web.json_response({"tables": sorted(body.get("tables", body))})

    async def assign_roles(self, request: web.Request) -> web.Response:
        """Puts roles into force; an empty body or null takes them away."""
        self._simulator.assign_roles(await read_body(request))
        return web.json_response({"roles": self._simulator.role_names()})


def _explained(handler: Handler) -> Handler:
    return explained(handler, (DataverseError,), planting_error)
