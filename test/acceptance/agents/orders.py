"""An agent that reports with the AgentOps SDK; key and endpoint come from the environment."""

import agentops
from agentops import LLMEvent, ToolEvent, record_action, record_tool

session = agentops.init(default_tags=["orders", "environment:production"])
agentops.add_tags(["nightly"])


@record_tool("lookup_order")
def lookup_order(number):
    return {"number": number, "status": "open"}


@record_action("charge_card")
def charge_card(amount):
    raise ValueError("Card declined")


agentops.record(
    LLMEvent(model="gpt-4", prompt="Which order is next?", completion="12345", prompt_tokens=150, completion_tokens=80)
)
agentops.record(ToolEvent(name="database_query", params={"sql": "SELECT 1"}, returns="1 row"))
lookup_order(12345)
try:
    charge_card(99)
except ValueError:
    pass

print(session.session_id)
print(session.end_session("Fail", end_state_reason="Payment gateway timeout"))
