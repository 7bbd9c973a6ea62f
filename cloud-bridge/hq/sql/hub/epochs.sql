SELECT hub, epoch, stopped FROM hub
