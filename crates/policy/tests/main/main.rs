//! Documents as people write them, through the whole reader.

mod whole;
