"""What holds where a request names no value.

These are the defaults of the services themselves, so they are not sent. Another value here is sent in each request.
"""

DEFAULT_TEMPERATURE = 1.0
DEFAULT_TOP_P = 1.0
DEFAULT_MAX_RESULTS = 20
