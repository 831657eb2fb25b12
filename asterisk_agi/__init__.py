"""One call, from the dialplan's AGI() to the hand-off: protocol, media, speech, dialogue."""
