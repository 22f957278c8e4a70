/** The panels that the shell mounts, each a chunk of its own. See README.md. */
export {};
