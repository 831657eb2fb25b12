"""Events of calls, sent out of the store's outbox to whoever wants them.

`worker.py` sends for one publisher, `post.py` sees to it that only one bridge sends, `queue.py`
remembers what was sent, `webhook.py` and `jetstream.py` know one way of sending each. An event is
sent at least once, with the same id each time, and the events of one call in their order.
"""
