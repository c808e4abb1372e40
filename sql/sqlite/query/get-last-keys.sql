-- The tables know better when something else wrote to them.
SELECT (SELECT max(id) FROM callback), (SELECT max(id) FROM delivery), (SELECT max(id) FROM event)
