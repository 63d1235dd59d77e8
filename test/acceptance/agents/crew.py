"""Two agents in one session of the AgentOps SDK; key and endpoint come from the environment."""

import agentops
from agentops import ActionEvent, track_agent


@track_agent(name="Researcher")
class Researcher:
    def search(self, topic):
        found = f"all about {topic}"
        agentops.record(ActionEvent(action_type="search", params={"topic": topic}, returns=found))
        return found


@track_agent(name="Writer")
class Writer:
    def write(self, text):
        agentops.record(ActionEvent(action_type="write", params={"text": text}))


session = agentops.init()
researcher = Researcher()
writer = Writer()
writer.write(researcher.search("order 12345"))
print(session.session_id)
session.end_session("Success")
