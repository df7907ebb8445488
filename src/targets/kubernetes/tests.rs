//! Plans held to the API's own types.
