//! Timetables as people see them, and against an independent reading.
