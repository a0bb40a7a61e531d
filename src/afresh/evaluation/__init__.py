"""Evaluation: how good the answers are, measured by asking the code that serves.

The data's path: a file of events becomes a `stream`; a `protocol` says which of its events are
questions; a `walk` folds the stream and asks; `outcome` is what came of it, a row a target;
`measures`, `beyond`, `segments`, `sources` and `compare` say what that means; `summary` puts it
together and `report` draws it. `ranked` is the trained ranker that orders the lists,
if one does. `off_policy` judges a policy by the log of another, whose rows `logged` reads; where
the policy is a surface, `choices` says what it is asked, and `served` asks it.
"""
