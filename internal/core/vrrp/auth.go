package vrrp

const trailerSize = 28
