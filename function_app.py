"""The table of contents: reads the settings, opens the gateways, registers every capability."""

import azure.functions as func

from functions.call_sync import trigger as call_sync
from functions.callback_sync import trigger as callback_sync
from functions.number_index import trigger as number_index
from functions.operations import trigger as operations
from functions.schedule_import import trigger as schedule_import
from functions.smart_routing import trigger as smart_routing
from functions.ticket_creation import trigger as ticket_creation
from functions.user_sync import trigger as user_sync
from shared.gateways import Gateways, open_gateways
from shared.settings import read_settings
from shared.telemetry import quiet_libraries

CAPABILITIES = (
    smart_routing,
    schedule_import,
    number_index,
    user_sync,
    operations,
    call_sync,
    callback_sync,
    ticket_creation,
)


def build_app(gateways: Gateways) -> func.FunctionApp:
    """The app over these gateways."""
    app = func.FunctionApp()
    for capability in CAPABILITIES:
        app.register_functions(capability.blueprint(gateways))
    return app


quiet_libraries()
_gateways = open_gateways(read_settings())
app = build_app(_gateways)
_gateways.load_ahead()
