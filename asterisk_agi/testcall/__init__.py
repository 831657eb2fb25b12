"""A caller for tests: places a real SIP call, talks by a script, records, and measures.

It shares only SIP and RTP with the system that it calls, so what it measures is what a caller
hears. Read it in this order: `user_agent` (SIP, sans-IO), `sip_line` and `media_line` (sockets),
`phone` (one call), `script` (what the caller does), `measure` (what came of it), `command`.
Not here: video, encryption, registration, other codecs than G.711 mu-law, TCP.
"""
