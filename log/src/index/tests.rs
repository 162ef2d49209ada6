mod damage;
mod forged;
mod hostile;
mod model;
mod name;
mod pieces;
mod size;
mod support;
