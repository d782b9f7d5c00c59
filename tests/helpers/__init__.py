"""What the tests share and is no test itself.

- `clock`: the moment at which the tests begin
- `common`: config entries, passing time, states and notifications
- `broken`: a Home Assistant whose unstable classes have changed
- `automations`: automations on our triggers, and their events
- `disk`: the disk, as far as the files of our accounts are concerned
- `home`: a Home Assistant with an account, which most tests begin with
- `flows`: the forms of a flow, and the faults that each of them shows
- `faults`: everything an API can do wrong, with the outcome of each
- `model`: a server without a network, which the properties are held against
- `modules`: modules of ours in a Home Assistant that has changed
- `mcp`: the MCP server of a real Home Assistant
- `mutation`: JSON that is nearly right, for Hypothesis
- `translations`: the texts of the integration, and what a form needs of them
- `tokens`: a watch over logs, events and files for tokens
- `pages`: the pages of the documentation
- `demo`: a real Home Assistant in a process of its own
- `marketplace`: the Marketplace of Home Assistant, asked about a release
"""
