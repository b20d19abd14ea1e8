"""The control surface under `/__sim/`: for tests, the demo and the benchmarks."""

from aiohttp import web

from local.enreach import outbound
from local.enreach.assumed import KINDS, Kind
from local.enreach.simulator import KEEPABLE, Simulator
from local.enreach.traffic.order import read_order
from local.simulation.control import Handler, explained, read_body


class Control:
    """Answers the control requests."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """Returns the routes of the control surface."""
        routes = [
            web.get("/__sim/health", self.health),
            web.post("/__sim/reset", explained(self.reset)),
            web.get("/__sim/stats", self.stats),
            web.get("/__sim/requests", self.requests),
            web.post("/__sim/faults", explained(self.add_faults)),
            web.get("/__sim/faults", self.faults),
            web.delete("/__sim/faults", self.clear_faults),
            web.post("/__sim/environment", explained(self.change_environment)),
            web.get("/__sim/environment", self.environment),
            web.post("/__sim/clock", explained(self.change_clock)),
            web.get("/__sim/clock", self.clock),
            web.post("/__sim/traffic", explained(self.play)),
            web.get("/__sim/traffic", self.traffic),
            web.post("/__sim/smartrouting", explained(self.ask_route)),
            web.post("/__sim/webhooks", explained(self.send_webhooks)),
            web.post("/__sim/subscription", explained(self.subscribe)),
            web.get("/__sim/subscription", self.subscription),
            web.delete("/__sim/subscription", self.unsubscribe),
        ]
        for kind in KINDS:
            path = f"/__sim/{kind}"
            routes.append(web.post(path, explained(self._planting(kind))))
            routes.append(web.get(path, self._listing(kind)))
            routes.append(web.delete(path, explained(self._clearing(kind))))
        # What else starts with /__sim/ is no path of the API.
        return [*routes, web.route("*", "/__sim/{rest:.*}", self.unknown)]

    async def health(self, request: web.Request) -> web.Response:
        """Tells that the simulator answers."""
        return web.json_response({"status": "healthy"})

    async def unknown(self, request: web.Request) -> web.Response:
        """Refuses what the control surface does not have."""
        return web.json_response({"error": "The control surface has no such path or method."}, status=404)

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

    async def requests(self, request: web.Request) -> web.Response:
        """Returns the last requests, the oldest first."""
        return web.json_response(list(self._simulator.counters.log))

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
        return web.json_response(self._simulator.environment.as_json())

    async def environment(self, request: web.Request) -> web.Response:
        """Returns the settings of the environment."""
        return web.json_response(self._simulator.environment.as_json())

    async def change_clock(self, request: web.Request) -> web.Response:
        """Changes the simulator's clock, and lets arrive what is due by it."""
        self._simulator.clock.change(await read_body(request))
        self._simulator.catch_up()
        return web.json_response(self._simulator.clock.as_json())

    async def clock(self, request: web.Request) -> web.Response:
        """Returns what the simulator's clock shows."""
        return web.json_response(self._simulator.clock.as_json())

    async def play(self, request: web.Request) -> web.Response:
        """Generates a day of traffic."""
        return web.json_response(self._simulator.play(read_order(await read_body(request))))

    async def traffic(self, request: web.Request) -> web.Response:
        """Returns what truly happened on each generated call."""
        return web.json_response([story.as_json() for day in self._simulator.days for story in day.stories])

    async def ask_route(self, request: web.Request) -> web.Response:
        """Calls a SmartRouting endpoint as Enreach does, and returns what becomes of the caller."""
        return web.json_response(await outbound.ask_route(await read_body(request)))

    async def send_webhooks(self, request: web.Request) -> web.Response:
        """Sends webhooks as Enreach does, and returns what was answered to each."""
        return web.json_response({"answers": await outbound.send_webhooks(await read_body(request))})

    async def subscribe(self, request: web.Request) -> web.Response:
        """Lets events of callback requests go to an endpoint from now on."""
        self._simulator.webhooks.subscribe(await read_body(request))
        return web.json_response(self._simulator.webhooks.as_json())

    async def subscription(self, request: web.Request) -> web.Response:
        """Returns who is subscribed and what was answered to each event."""
        return web.json_response(self._simulator.webhooks.as_json())

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Lets no event go out any more."""
        self._simulator.webhooks.cancel()
        return web.json_response(self._simulator.webhooks.as_json())

    def _planting(self, kind: Kind) -> Handler:
        async def plant(request: web.Request) -> web.Response:
            ids = self._simulator.organisation.plant(kind, await read_body(request))
            return web.json_response({"ids": ids})

        return plant

    def _listing(self, kind: Kind) -> Handler:
        async def listing(request: web.Request) -> web.Response:
            self._simulator.catch_up()
            return web.json_response(list(self._simulator.organisation.items(kind)))

        return listing

    def _clearing(self, kind: Kind) -> Handler:
        async def clear(request: web.Request) -> web.Response:
            ids = request.query.getall("id", [])
            if ids:
                self._simulator.organisation.remove(kind, ids)
            else:
                self._simulator.organisation.clear(kind)
            return web.json_response([])

        return clear
