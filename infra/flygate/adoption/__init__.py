"""An app that `fly deploy` made becomes a stack's, and a stack's becomes `fly deploy`'s again."""
