package accesslog

// pipeAtomic is PIPE_BUF, the size of the largest write to a pipe that those of
// others do not tear (pipe(7)).
const pipeAtomic = 4096
