// An application that has never heard of the library. In this folder:
//   node --import outrigger/register app.js
try {
  const response = await fetch('http://user-service/users/42')
  console.log(response.status, await response.text())
} catch (error) {
  console.log(`nobody at home: ${error.cause?.code ?? error.code}`)
}
