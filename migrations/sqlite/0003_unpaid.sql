-- Which live holds may still end: what is read beside `occupancy` to tell what is held from what is taken. Small, however
-- many holds there are, so that a class that is nearly full costs little more to look at than one place.
-- migrations/postgres has the same file with the same names.
CREATE INDEX holds_unpaid ON holds (id) WHERE status IN ('held', 'processing');
