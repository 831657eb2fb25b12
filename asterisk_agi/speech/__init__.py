"""Hearing and speaking: from telephone audio to words and ends of turns, and from text to audio.

`port.py` has what the call may use of an engine. Hearing: `vad.py` finds speech, `endpointing.py`
turns and their ends, `vosk_engine.py` words; `models.py` and `model_list.py` find and fetch the
recogniser's model. Speaking: `espeak_engine.py`. What words mean is the dialogue's business.
Nothing is imported here: an engine's libraries are loaded by those who use it.
"""
