"""URIs that no task can have, as scitq-launch and the HTTP API both refuse them: the
field, its text, and words of the reason."""

MALFORMED = [
    ("input", "s3://", "the path is empty"),
    ("input", "/fine s3://b/x|frobnicate", "bad URI s3://b/x|frobnicate: the action"),
    ("input", "s3://b/x|mv:../y", "mv: takes a relative folder without .."),
    ("input", "s3@://b/x", "an option after @"),
    ("input", "s3:/b/x", "a protocol is followed by ://"),
    ("input", "s3://b/\x01", "a control character"),
    ("input", "/" + 8192 * "x", "it is too long"),
    ("input", "https://u:hidden@h/f|no", "bad URI https://u:***@h/f|no:"),
    ("resource", "://x", "the protocol before ://"),
    ("resource", "s3://b/x|gunzip|untar", "the action is none of"),
    ("output", "s3://", "the path is empty"),
    ("output", "s3:/b/out/", "a protocol is followed by ://"),
    ("output", "s3://b/out/|untar", "an action is for inputs"),
    ("output", "s3://a/ s3://b/", "an output is one folder"),
]
