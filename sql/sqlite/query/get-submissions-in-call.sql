SELECT id FROM submission INDEXED BY submission_in_call WHERE state = 1
