// An application that does not import the library. Run it in this folder:
//   node --import outrigger/register app.js
try {
  const response = await fetch('http://user-service/users/42')
  console.log(response.status, await response.text())
} catch (error) {
  console.log(`request failed: ${error.cause?.code ?? error.code}`)
}
