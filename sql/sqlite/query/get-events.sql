-- Events have no index: as many are kept as a scan takes some milliseconds for.
SELECT id, request, delivery, callback FROM event
