-- One snapshot for the statements of one answer.
BEGIN DEFERRED;
